#include "pipeline/program/server_lists.h"

#include <fmt/format.h>

namespace echoloop::program {

using nlohmann::ordered_json;

void print(const ordered_json& line) {
  fmt::print("{}\n", line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

Result<ordered_json> ask_json(const std::string& server, const std::string& method, const std::string& path) {
  auto answer = ask_server(server, method, path);
  if (!answer) return tl::make_unexpected(answer.error());
  ordered_json body = ordered_json::parse(answer->body, nullptr, false);
  if (answer->status < 300 && body.is_object()) return body;
  std::string detail = body.is_object() ? body.value("detail", std::string{}) : std::string{};
  return broken_world(server, detail.empty() ? fmt::format("answers with status {}", answer->status) : detail);
}

Result<void> each_page(const std::string& server, const std::string& method, const std::string& question,
                       const std::function<void(ordered_json page)>& visit) {
  std::string cursor;
  while (true) {
    auto answer = ask_json(server, method, question + cursor);
    if (!answer) return tl::make_unexpected(answer.error());
    const ordered_json next = answer->at("next_cursor");
    visit(std::move(*answer));
    if (next.is_null()) return {};
    cursor = "&cursor=" + url_escaped(next.get<std::string>());
  }
}

}  // namespace echoloop::program
