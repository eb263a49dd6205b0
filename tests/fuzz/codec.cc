// Any bytes as an event, a batch, JSON to check, and an event in binary mode (attributes in the first line between
// bars).
#include "schemas/codec.h"

#include <array>
#include <nlohmann/json.hpp>

#include "schemas/codec_syntax.h"
#include "tests/fuzz/demand.h"

namespace echoloop::fuzz {
namespace {

// nlohmann takes NUL for the end of the text, and leaves out a byte order mark.
bool comparable(std::string_view text) {
  return text.find('\0') == std::string_view::npos && !text.starts_with("\xEF\xBB\xBF");
}

bool is_syntax(const Error& error) { return error.where.starts_with("byte "); }

void check_well_formed(EventDecoder& decoder, std::string_view text) {
  const auto checked = decoder.check(text);
  if (!checked) demand(!checked.error().reason.empty(), "a refusal has a reason");
  if (!comparable(text) || (!checked && checked.error().reason == "nested too deeply")) return;
  demand((checked || !is_syntax(checked.error())) == nlohmann::json::accept(text),
         "what is JSON is the same for two parsers", checked ? "taken" : checked.error().text());
  demand(codec::find_syntax_fault(text).has_value() == (!checked && is_syntax(checked.error())),
         "the second look finds a fault where the first one found one");
}

Attributes attributes_of(const Event& event, const std::string& time) {
  Attributes out{.specversion = "1.0",
                 .type = type_name(event),
                 .source = event.source,
                 .id = event.id,
                 .subject = event.subject,
                 .time = {}};
  if (event.time) out.time = time;
  return out;
}

void check_round_trip(EventDecoder& again, const Event& event) {
  std::string text, twice;
  encode(event, text);
  auto decoded = again.decode(text);
  demand(decoded.has_value(), "what encode writes can be decoded", text);
  demand(*decoded == event, "decode(encode(event)) is the event", text);
  encode(*decoded, twice);
  demand(twice == text, "encode writes one form", text);

  constexpr std::string_view kData = ",\"data\":";  // its quotes would be escaped inside a text
  const auto at = text.find(kData) + kData.size();
  const auto time = event.time ? format_time(*event.time) : std::string{};
  auto binary =
      again.decode_binary(attributes_of(event, time), std::string_view(text).substr(at, text.size() - at - 1));
  demand(binary.has_value() && *binary == event, "binary mode reads the same event", text);
}

void check_batch(EventDecoder& decoder, EventDecoder& alone, std::string_view text) {
  std::size_t visited = 0;
  auto count =
      decoder.decode_batch(text, [&](std::size_t index, std::string_view document, const Result<Event>& event) {
        demand(index == visited++, "elements come in order");
        auto one = alone.decode(document);
        demand(one.has_value() == event.has_value(), "an element is judged as it is alone", document);
        if (one) demand(*one == *event, "an element is read as it is alone", document);
      });
  demand(count ? *count == visited : visited == 0, "every element is visited, or none");
}

void check_binary(EventDecoder& decoder, std::string_view text) {
  auto line = take_until(text, '\n');
  Attributes attributes;
  std::array<std::optional<std::string_view>*, 6> fields{&attributes.specversion, &attributes.type,
                                                         &attributes.source,      &attributes.id,
                                                         &attributes.subject,     &attributes.time};
  for (auto* field : fields) {
    if (!line.empty()) *field = take_until(line, '|');
  }
  if (auto event = decoder.decode_binary(attributes, text)) {
    demand(event->source == *attributes.source && event->id == *attributes.id, "attributes are kept as they came");
  }
}

}  // namespace
}  // namespace echoloop::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace echoloop;
  static EventDecoder decoder, other;
  const auto text = fuzz::text_of(data, size);
  fuzz::check_well_formed(decoder, text);
  if (auto event = decoder.decode(text)) fuzz::check_round_trip(other, *event);
  fuzz::check_batch(decoder, other, text);
  fuzz::check_binary(decoder, text);
  return 0;
}
