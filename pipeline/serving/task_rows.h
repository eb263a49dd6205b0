// Tasks as requests find them: by tenant and id, or by id alone. Ids are hashes, so an id belongs to one tenant.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/http/message.h"
#include "pipeline/serving/sources.h"
#include "processors/casework/task_lists.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

// Where everything about a tenant's tasks lies.
int shard_of_tenant(const std::string& tenant, const Sources& sources);

// Tenants to look in: the one asked for, else every one that has tasks, whether or not the configuration knows it.
Result<std::vector<std::string>> task_tenants(const http::Query& query, const Sources& sources);

Result<std::optional<state::Task>> find_task(const std::string& tenant, const std::string& id, const Sources& sources);
// Lists of the tenant that there are, in the order of their keys: a seek for each.
Result<std::vector<casework::TaskList>> lists_of(const std::string& tenant, const Sources& sources);
// The task that the path's {id} names.
Result<std::optional<state::Task>> task_of(const http::Request& request, const Sources& sources);

http::Response with_etag(int status, const state::Task& task);
http::Response no_such_task(const http::Request& request);

}  // namespace echoloop::serving
