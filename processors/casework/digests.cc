#include "processors/casework/digests.h"

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "processors/casework/case_book.h"
#include "schemas/task_json.h"

namespace echoloop::casework {

std::string digest_key(std::string_view tenant, std::string_view department) {
  std::string key = tenant_key(tenant);
  put_key_text(key, department);
  return key;
}

void take_digest(const state::Digest& digest, Time now, stage::Context& context) {
  const std::string key = digest_key(digest.tenant(), digest.department());
  if (auto row = context.get(stage::Table::digests, key); row && Reader{*row}.signed_varint() >= digest.from()) {
    context.count("digests_late");
    return;
  }
  std::string told;
  put_signed(told, digest.from());
  context.put(stage::Table::digests, key, std::move(told));
  std::string id = key;
  put_key_time(id, digest.from());
  id = to_hex(hash128(id));
  context.emit(stage::Topic::tasks, stage::Kind::task, id, digest_event_json(id, now, digest.json()));
  context.count("digests");
}

}  // namespace echoloop::casework
