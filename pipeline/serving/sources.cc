#include "pipeline/serving/sources.h"

#include <set>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::serving {

int Sources::shard_of(std::string_view key) const { return partition_of(key, shards); }

Result<std::vector<std::string>> Sources::tenants_in(stage::Table table) const {
  std::set<std::string> found;
  for (int shard = 0; shard < shards; ++shard) {
    std::optional<std::string> from = "";
    while (from) {
      std::optional<std::string> tenant;
      auto scanned = rows->scan(table, shard, *from, "", [&](std::string_view key, std::string_view) {
        tenant = KeyReader{key}.text();
        return false;
      });
      if (!scanned) return tl::make_unexpected(scanned.error());
      if (!tenant) break;
      std::string prefix;
      put_key_text(prefix, *tenant);
      from = prefix_end(prefix);
      found.insert(std::move(*tenant));
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

std::int64_t Sources::counter(std::string_view name) const {
  std::int64_t sum = 0;
  for (int shard = 0; shard < shards; ++shard) {
    auto row = (held != nullptr ? held : rows)->get(stage::Table::counters, shard, name);
    if (row && *row) sum += Reader{**row}.signed_varint();
  }
  return sum;
}

}  // namespace echoloop::serving
