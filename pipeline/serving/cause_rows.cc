#include "pipeline/serving/cause_rows.h"

#include "pipeline/base/bytes.h"
#include "pipeline/serving/task_rows.h"

namespace echoloop::serving {

Result<std::optional<state::Cause>> find_cause(const std::string& tenant, const std::string& rule,
                                               const std::vector<std::string>& scope, const Sources& sources) {
  std::string key;
  put_key_text(key, tenant);
  put_key_text(key, rule);
  for (const std::string& value : scope) put_key_text(key, value);
  auto bytes = sources.rows->get(stage::Table::causes, shard_of_tenant(tenant, sources), key);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) return std::optional<state::Cause>{};
  state::Cause cause;
  if (!cause.ParseFromString(**bytes)) return broken_world("table causes", "a row that cannot be read");
  return std::optional<state::Cause>{std::move(cause)};
}

}  // namespace echoloop::serving
