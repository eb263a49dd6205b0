#include "schemas/event.h"

namespace echoloop {

Text type_name(const Event& event) { return kEventTypes[event.data.index()]; }

Text tenant_of(const Event& event) {
  return std::visit([](const auto& data) { return data.tenant; }, event.data);
}

Text partition_key_of(const Event& event) {
  return std::visit(
      [](const auto& data) {
        if constexpr (requires { data.session_id; }) {
          return data.session_id;
        } else if constexpr (requires { data.task_id; }) {
          return data.task_id;
        } else {
          return data.name;
        }
      },
      event.data);
}

std::optional<Time> event_time(const Event& event) {
  return std::visit(
      [&event](const auto& data) -> std::optional<Time> {
        if constexpr (requires { data.closed_at; }) {
          return data.closed_at;
        } else if constexpr (requires { data.sent_at; }) {
          return data.sent_at;
        } else if constexpr (requires { data.submitted_at; }) {
          return data.submitted_at;
        } else if constexpr (requires { data.time; }) {
          return data.time;
        } else {
          return event.time;
        }
      },
      event.data);
}

}  // namespace echoloop
