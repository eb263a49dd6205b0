// What stands between a webhook and its events: the messages of the processes that run adapters, the document made of a
// request, its signature, and what programs yield. Which of them: the first byte.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "pipeline/intake/adapter.h"
#include "pipeline/intake/adapter_messages.h"
#include "pipeline/intake/http_hooks.h"
#include "pipeline/intake/http_signature.h"
#include "pipeline/intake/shallow_json.h"
#include "schemas/codec.h"
#include "tests/fuzz/demand.h"

namespace echoloop::fuzz {
namespace {

// All messages that come out of a connection on which just these bytes arrive.
std::vector<std::string> messages_in(std::string_view bytes) {
  int ends[2];
  demand(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "there are sockets");
  const int room = 4 << 20;
  ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  demand(send_all(ends[1], bytes) == Sent::all, "a socket takes the bytes");
  ::close(ends[1]);
  std::vector<std::string> out;
  MessageReader reader{ends[0]};
  for (std::string_view message; reader.next(message);) out.emplace_back(message);
  ::close(ends[0]);
  return out;
}

void check_framing(std::string_view bytes) {
  std::string again;
  for (const auto& message : messages_in(bytes)) again += with_length(message);
  demand(bytes.starts_with(again), "messages are what arrived, in their order");
}

void check_ask(std::string_view bytes) {
  auto ask = read_ask(bytes);
  if (!ask) return;
  const auto written = write_ask(ask->program, ask->documents);
  auto again = read_ask(written);
  demand(again.has_value() && again->documents == ask->documents && again->program.file == ask->program.file &&
             again->program.library == ask->program.library && again->program.tenant == ask->program.tenant &&
             again->program.turn == ask->program.turn,
         "an ask is read as it was written");
}

void check_answer(std::string_view bytes) {
  auto answer = read_answer(bytes);
  if (!answer) return;
  std::string written;
  append_answer(written, *answer);
  const auto messages = messages_in(written);
  demand(messages.size() == 1, "an answer is one message");
  auto again = read_answer(messages.front());
  demand(again.has_value() && again->has_value() == answer->has_value(), "an answer is read as it was written");
  if (*answer) {
    demand(**again == **answer, "outputs are read as they were written");
  } else {
    demand(again->error().text() == answer->error().text() && again->error().fault == answer->error().fault,
           "an error is read as it was written");
  }
}

constexpr Time kNow = from_ms(1'772'323'200'000);

// The ways to sign that config/adapters uses, by a number.
WebhookSignature signature_number(unsigned choice) {
  WebhookSignature out;
  out.scheme = static_cast<WebhookSignature::Scheme>(choice % 5);
  out.encoding = static_cast<WebhookSignature::Encoding>(choice / 5 % 2);
  switch (choice / 10 % 4) {
    case 0:
      out.headers = {"X-Signature", "X-Other-Signature"};
      out.prefix = "sha256=";
      break;
    case 1:
      out.query = "sign";
      out.message = "{secret}{md5}{time}";
      out.timestamp_query = "time";
      break;
    case 2:
      out.body_field = "sign";
      break;
    default:
      out.headers = {"X-Signature"};
      out.message = "{time}.{body}";
      out.untimed = "{body}";
      out.timestamp_header = "X-Time";
  }
  return out;
}

// The first line is the query, the lines up to an empty one are headers, the rest is the body.
http::Request request_of(std::string_view text) {
  http::Request out;
  if (auto query = http::parse_query(take_until(text, '\n'))) out.query = std::move(*query);
  while (!text.empty()) {
    auto line = take_until(text, '\n');
    if (line.empty()) break;
    auto name = take_until(line, ':');
    out.headers.add(std::string(name), std::string(http::trimmed(line)));
  }
  out.body = text;
  return out;
}

void check_signatures(const WebhookSignature& signature, http::Request request) {
  demand(!check_signature(signature, "a secret that no input holds", request, kNow), "nobody guesses a signature");
  if (!signature.body_field.empty() || signature.scheme == WebhookSignature::Scheme::token) return;
  const std::string time = std::to_string(to_ms(kNow) / 1000);
  const bool timed = !signature.timestamp_header.empty() || !signature.timestamp_query.empty();
  const auto sign = signature_of(signature, "secret", request.body, timed ? time : "");
  request.query = {};
  request.headers = {};
  request.query.add(signature.query, std::vector<std::string>{sign});
  request.query.add(signature.timestamp_query, std::vector<std::string>{time});
  if (!signature.headers.empty()) request.headers.add(signature.headers.back(), sign);
  request.headers.add(signature.timestamp_header, time);
  demand(check_signature(signature, "secret", request, kNow).has_value(), "what is signed is taken", sign);
  request.body += ' ';
  demand(!check_signature(signature, "secret", request, kNow), "what was changed is refused", sign);
}

void check_hook(unsigned choice, std::string_view text) {
  const auto request = request_of(text);
  const auto signature = signature_number(choice);
  check_signatures(signature, request);
  auto document = hook_document(request, signature, kNow);
  if (!document) return;
  demand(document->find('\0') == std::string::npos, "a document is text");
  const auto json = nlohmann::json::parse(*document, nullptr, false);
  demand(json.is_object() && json.size() == 2 && json["headers"].is_object(), "a document has headers and body",
         *document);
  auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!signature.body_field.empty() && body.is_object()) body.erase(signature.body_field);
  demand(json["body"] == body, "the body is what was sent", *document);
}

void check_shallow(std::string_view text) {
  auto json = parse_shallow_json(text);
  if (!json) return;
  const auto written = json->dump();
  auto again = parse_shallow_json(written);
  demand(again.has_value() && again->dump() == written, "JSON written anew is the same JSON", written);
}

// Programs of config/adapters that use no dates: jq 1.6 ends the process where its own assertions on them fail.
void check_program(unsigned choice, std::string_view document) {
  static constexpr std::array<const char*, 2> kPrograms{"cloudevents", "support-csv"};
  static const std::string kFolder = std::string(ECHOLOOP_SOURCE_DIR) + "/config/adapters";
  static std::array<std::optional<Adapter>, kPrograms.size()> adapters;
  static EventDecoder decoder;
  auto& adapter = adapters[choice % kPrograms.size()];
  if (!adapter) {
    auto made = Adapter::open(kFolder + "/" + kPrograms[choice % kPrograms.size()] + ".jq", kFolder, "hongtu");
    demand(made.has_value(), "a shipped adapter compiles");
    adapter.emplace(std::move(*made));
  }
  auto outputs = adapter->run(document);
  auto again = adapter->run(document);
  demand(outputs.has_value() == again.has_value() && (!outputs || *outputs == *again),
         "a program yields the same again");
  for (std::size_t i = 0; outputs && i < outputs->size(); ++i) {
    const auto& output = (*outputs)[i];
    demand(output.skipped() != output.skip.empty(), "an output is an event or a reason");
    if (output.skipped()) continue;
    const auto json = nlohmann::json::parse(output.event, nullptr, false);
    demand(json.is_object() && json.contains("type"), "an event is an object with a type", output.event);
    (void)decoder.decode(output.event);
  }
}

}  // namespace
}  // namespace echoloop::fuzz

// jq 1.6 loses texts of documents that it cannot parse.
extern "C" const char* __lsan_default_suppressions() { return "leak:libjq.so"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace echoloop::fuzz;
  auto bytes = text_of(data, size);
  switch (take_choice(bytes) % 6) {
    case 0:
      check_framing(bytes);
      break;
    case 1:
      check_ask(bytes);
      break;
    case 2:
      check_answer(bytes);
      break;
    case 3: {
      const auto choice = take_choice(bytes);
      check_hook(choice, bytes);
      break;
    }
    case 4:
      check_shallow(bytes);
      break;
    default: {
      const auto choice = take_choice(bytes);
      check_program(choice, bytes);
    }
  }
  return 0;
}
