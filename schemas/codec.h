// Events as JSON: CloudEvents 1.0 texts to Event and back. What is accepted is exactly what the JSON Schema of the type
// (schemas/events/) and the table semantic_checks() accept; docs/events.md prints both. Unknown fields are ignored,
// null means absent.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "schemas/event.h"

namespace echoloop {

// JSON Schema (draft 7) of a type, "echoloop.session.closed.v1"; empty for a type that does not exist. The whole
// CloudEvent, envelope and data.
std::string_view event_schema(std::string_view type);

// What JSON Schema cannot say, or says in characters where echoloop counts bytes.
struct SemanticCheck {
  std::string_view name;
  std::string_view says;
};
std::span<const SemanticCheck> semantic_checks();

// The context attributes of a CloudEvent in binary mode (Kafka's ce_ headers, HTTP's ce- headers); its data travels as
// the payload.
struct Attributes {
  std::optional<std::string_view> specversion, type, source, id, subject, time;
};

// The same event in structured mode, for logs that hold events as one text. Nothing is checked: whoever decodes it
// does.
std::string structured(const Attributes& attributes, std::string_view data);

// Reads events. Owns the parser and its buffers and reuses them, so that decoding hardly allocates; one per thread. All
// views of an Event it gave live until the next decode… call on it, or its end.
//
// Errors: bad_input. `where` is a JSON pointer into the document ("/data/score/value"), or "byte 17" when the text is
// not JSON, not UTF-8 or holds a lone surrogate.
class EventDecoder {
 public:
  EventDecoder();
  ~EventDecoder();
  EventDecoder(EventDecoder&&) noexcept;
  EventDecoder& operator=(EventDecoder&&) noexcept;

  // One structured CloudEvent.
  Result<Event> decode(std::string_view json);
  // Binary mode: `data` is the JSON of data alone, and "byte 17" counts in it.
  Result<Event> decode_binary(const Attributes& attributes, std::string_view data);

  // JSON that will become part of an event: the same errors as for an event's own text, duplicate keys among them.
  Result<void> check(std::string_view json);

  // A JSON array of structured CloudEvents (application/cloudevents-batch+json). Visits each element in order with its
  // text in `json`; a bad element does not hurt its neighbours. Answers how many there were. An error, before any
  // visit, when `json` is not an array whose brackets and commas are in order: then no element could be trusted, so
  // the whole body is rejected.
  using Visit = std::function<void(std::size_t index, std::string_view document, Result<Event> event)>;
  Result<std::size_t> decode_batch(std::string_view json, const Visit& visit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Appends the canonical structured JSON of an event: keys in the order of docs/events.md, absent fields left out, no
// spaces, times in UTC, texts in UTF-8 with only ", \ and control characters escaped. decode(encode(event)) == event.
void encode(const Event& event, std::string& out);

// Documents of an NDJSON body, one a line, each a view into the body: blank lines are skipped, a final \r and a byte
// order mark at the start of the body left out. Visit(std::size_t line from 1, std::string_view document).
template <class Visitor>
void for_each_line(std::string_view body, Visitor&& visit) {
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  for (std::size_t line = 1; !body.empty(); ++line) {
    std::size_t end = body.find('\n');
    std::string_view document = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (document.ends_with('\r')) document.remove_suffix(1);
    if (document.find_first_not_of(" \t\r") != std::string_view::npos) visit(line, document);
  }
}

}  // namespace echoloop
