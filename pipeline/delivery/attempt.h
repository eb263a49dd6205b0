// One attempt to tell an endpoint: its request is made and sent, and what came of it written down with the exact bytes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/delivery/client.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/store.h"
#include "schemas/state.pb.h"

namespace echoloop::delivery {

// How deliveries read and remember; all safe from any thread.
struct DeliveryParts {
  int partitions = 1;
  const stage::View* rows = nullptr;
  // Of topic tasks.
  std::function<Result<stage::Slice>(int partition, std::int64_t from, const stage::PollLimits& limits)> read;
  std::function<std::int64_t(int partition)> end;  // offset of its next record
  std::function<Result<void>(const std::vector<stage::Row>&)> write;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<Time()> now;  // the wall clock
};

// `told`: at least one; several only where is_chat().
state::Delivery attempt(const Endpoint& endpoint, const std::vector<Told>& told, const Domain& domain, Client& client,
                        const DeliveryParts& parts);

}  // namespace echoloop::delivery
