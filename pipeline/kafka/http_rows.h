// Answers other members that ask for rows of shards held here (row_pages.h).
#pragma once

#include "pipeline/http/router.h"
#include "pipeline/kafka/kafka_house.h"

namespace echoloop::kafka {

// 403: without the secret; 421: the shard is not held here; 410: the view is gone. `house` outlives the server.
void add_rows_route(http::Router& router, const KafkaHouse& house, std::string secret);

}  // namespace echoloop::kafka
