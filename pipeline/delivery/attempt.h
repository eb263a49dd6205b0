// One attempt to tell an endpoint: its request is made and sent, and what came of it written down with the exact bytes.
#pragma once

#include <vector>

#include "pipeline/delivery/client.h"
#include "pipeline/delivery/task_events.h"
#include "schemas/state.pb.h"

namespace echoloop::delivery {

// `told`: at least one; several only where is_chat().
state::Delivery attempt(const Endpoint& endpoint, const std::vector<Told>& told, const Domain& domain, Client& client,
                        const DeliveryParts& parts);

}  // namespace echoloop::delivery
