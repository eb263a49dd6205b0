// Rows of the whole group: of shards that this member holds its own, of others those of the member that holds them,
// asked over HTTP (row_pages.h). A shard that nobody is known to hold at the moment is an error (away), never no rows.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/kafka/kafka_house.h"
#include "pipeline/kafka/peers.h"
#include "pipeline/kafka/row_pages.h"

namespace echoloop::kafka {

// Asks other members. Any thread.
class RemoteRows {
 public:
  // Another member that holds the shard, as far as is known.
  using OwnerOf = std::function<std::optional<Owner>(int shard)>;
  explicit RemoteRows(OwnerOf owner_of) : owner_of_(std::move(owner_of)) {}
  ~RemoteRows();

  // As View::scan, of a shard of somebody else. `view`: the name of his view; read from it when it is not empty, filled
  // in otherwise when it is to be kept (not null).
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit, std::string* view) const;
  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key, std::string* view) const;
  // Who is asked about that shard. Error (away): nobody is known.
  Result<Owner> owner_of(int shard) const;

 private:
  // Few at a time: one who does not answer must not hold up all who wait for him.
  static constexpr int kAsked_max = 4;
  Result<std::string> fetch(const Owner& owner, const std::string& path) const;

  const OwnerOf owner_of_;
  mutable std::mutex mutex_;
  mutable std::vector<void*> idle_;           // CURL handles with their connections
  mutable std::map<std::string, int> asked_;  // by address: questions that are not answered yet
};

class GroupRows final : public stage::View {
 public:
  GroupRows(const KafkaHouse& house, const RemoteRows& remote) : house_(house), remote_(remote) {}
  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override;
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit) const override;

  // As they are now; of each other member as they are when it is first asked.
  std::unique_ptr<stage::View> snapshot() const;

 private:
  const KafkaHouse& house_;
  const RemoteRows& remote_;
};

}  // namespace echoloop::kafka
