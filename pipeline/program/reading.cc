#include "pipeline/program/reading.h"

#include <fstream>

#include "pipeline/local/local_link.h"
#include "pipeline/program/embedded.h"
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
  out.sources.raw_event = [](int, std::int64_t) { return Result<std::optional<serving::RawEvent>>{}; };
  return out;
}

}  // namespace echoloop::program
