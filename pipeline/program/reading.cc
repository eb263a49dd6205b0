#include "pipeline/program/reading.h"

#include <fstream>

#include "pipeline/local/local_link.h"
#include "pipeline/local/log_reader.h"
#include "pipeline/program/pipeline.h"
#include "pipeline/program/server_client.h"

namespace echoloop::program {

std::optional<std::string> running_server(const Settings& settings) {
  if (settings.server) return settings.server;
  std::string address;
  std::ifstream{settings.data / "server"} >> address;
  if (address.empty()) return std::nullopt;
  auto alive = ask_server(address, "GET", "/livez");
  return alive && alive->status == 200 ? std::optional(address) : std::nullopt;
}

Result<Reading> open_for_reading(const Settings& settings) {
  auto domain = load_configuration(settings);
  if (!domain) return tl::make_unexpected(domain.error());
  auto partitions = local::LocalHouse::partitions_of(settings.data);
  if (!partitions) return tl::make_unexpected(partitions.error());
  store::StoreOptions options;
  options.memory_bytes = settings.memory_bytes / 2;
  options.read_only = true;
  auto store = store::RocksStore::open(settings.data / "store", options);
  if (!store) return tl::make_unexpected(store.error());
  Reading out;
  out.store = std::move(*store);
  out.sources.rows = out.store.get();
  out.sources.shards = *partitions;
  out.sources.domain = std::make_shared<CurrentDomain>(*domain);
  // Opened when the first event is asked for: most commands ask for none.
  out.sources.read_events = [folder = settings.data / "log",
                             log = std::make_shared<std::unique_ptr<local::LogReader>>()](
                                int shard, std::int64_t from, const stage::PollLimits& limits) -> Result<stage::Slice> {
    if (!*log) {
      auto opened = local::LogReader::open(folder);
      if (!opened) return tl::make_unexpected(opened.error());
      *log = std::move(*opened);
    }
    return (*log)->read(shard, from, limits);
  };
  out.sources.raw_event = [read = out.sources.read_events](
                              int shard, std::int64_t offset) -> Result<std::optional<serving::RawEvent>> {
    auto slice = read(shard, offset, {.records_max = 1, .bytes_max = 0});
    if (!slice) return tl::make_unexpected(slice.error());
    if (slice->records.empty() || slice->records.front().offset != offset) return std::optional<serving::RawEvent>{};
    const stage::Record& record = slice->records.front();
    return std::optional<serving::RawEvent>{{record.at, std::string(record.value)}};
  };
  return out;
}

}  // namespace echoloop::program
