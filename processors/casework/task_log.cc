#include "processors/casework/task_log.h"

#include "pipeline/base/bytes.h"
#include "processors/casework/case_book.h"

namespace echoloop::casework {

std::string log_key_from(std::string_view tenant, std::string_view department, std::string_view word, Time from) {
  std::string key = tenant_key(tenant);
  put_key_text(key, department);
  put_key_text(key, word);
  put_key_time(key, to_ms(from));
  return key;
}

std::string logged_task(std::string_view key) {
  KeyReader reader{key};
  for (int i = 0; i < 3; ++i) reader.skip_text();
  reader.time_ms();
  return reader.text();
}

void log_task(const state::Task& task, std::string_view word, std::string_view detail, Time now,
              stage::Context& context) {
  std::string key = log_key_from(task.tenant(), task.department(), word, now);
  put_key_text(key, task.id());
  context.put(stage::Table::task_log, std::move(key), std::string(detail));
}

}  // namespace echoloop::casework
