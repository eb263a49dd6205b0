#include "schemas/codec.h"

#include <bit>
#include <cstring>
#include <vector>

#include "pipeline/base/embedded.h"
#include "schemas/codec_fields.h"
#include "schemas/codec_syntax.h"

namespace echoloop {

extern const std::span<const Embedded> kEventSchemas;

namespace codec {
namespace {

// A parser that once met a 16 MiB body would keep some 200 MB of address space; it is made anew when small documents
// follow.
constexpr std::size_t kParserKept_bytes = 4u << 20;
constexpr std::size_t kParserStart_bytes = 16u << 10;
constexpr std::size_t kParserDepth = 1024;  // beyond kDepth_max, so that the fault there has a JSON pointer

constexpr std::array<Text, 1> kSpecVersions{"1.0"};

// A document with the room behind it that simdjson reads into. Copied in blocks of a fixed size, inline: for the some
// hundred bytes of an event that is measurably less than a call of memcpy.
class PaddedCopy {
 public:
  // The copy of `text`, until the next call.
  const char* of(std::string_view text) {
    const std::size_t blocks = (text.size() + simdjson::SIMDJSON_PADDING) / sizeof(Block) + 1;
    if (blocks_.size() < blocks) blocks_.resize(blocks);
    char* const to = blocks_.front().bytes;
    std::size_t at = 0;
    for (; at + sizeof(Block) <= text.size(); at += sizeof(Block))
      std::memcpy(to + at, text.data() + at, sizeof(Block));
    std::memcpy(to + at, text.data() + at, text.size() - at);
    return to;
  }

 private:
  struct alignas(64) Block {
    char bytes[64];
  };
  std::vector<Block> blocks_;
};

// A CloudEvent before its type is known.
struct Envelope {
  Text specversion, type, source, id;
  std::optional<Text> subject;
  std::optional<Time> time;
  Element data;
};

// Attributes that are checked and not kept.
consteval Field<Envelope> unread_text(Text name) {
  return Field<Envelope>{
      name,
      words_of_name(name),
      false,
      [](Reading& r, Element e, const Path& p, Envelope&) { return e.is_string() || r.fail_type(p, "a string", e); },
      [](const Envelope&) { return false; },
      [](const Envelope&, std::string&) {}};
}

struct AnyText {
  static bool read(Reading& r, Element e, const Path& p, Text& out) {
    return e.get(out) == simdjson::SUCCESS || r.fail_type(p, "a string", e);
  }
  static void write(Text, std::string&) {}
};

consteval Field<Envelope> data_field() {
  return Field<Envelope>{"data",
                         words_of_name("data"),
                         true,
                         [](Reading&, Element e, const Path&, Envelope& out) {
                           out.data = e;
                           return true;
                         },
                         [](const Envelope&) { return true; },
                         [](const Envelope&, std::string&) {}};
}

constexpr std::array kEnvelopeFields{
    need<Choice<kSpecVersions>, &Envelope::specversion>("specversion"),
    need<Id, &Envelope::id>("id"),
    need<Id, &Envelope::source>("source"),
    need<AnyText, &Envelope::type>("type"),
    may<Id, &Envelope::subject>("subject"),
    may<Instant, &Envelope::time>("time"),
    unread_text("datacontenttype"),
    unread_text("dataschema"),
    data_field(),
};

template <std::size_t Index>
bool read_alternative(Reading& reading, Element value, const Path& at, EventData& out) {
  auto* const held = std::get_if<Index>(&out);  // already, of a new Event's first alternative
  return read_data(reading, value, at, held != nullptr ? *held : out.emplace<Index>());
}

using ReadData = bool (*)(Reading&, Element, const Path&, EventData&);
template <std::size_t... Index>
constexpr std::array<ReadData, sizeof...(Index)> readers(std::index_sequence<Index...>) {
  return {read_alternative<Index>...};
}
constexpr auto kReaders = readers(std::make_index_sequence<std::variant_size_v<EventData>>{});

std::optional<std::size_t> index_of(Text type) {
  for (std::size_t i = 0; i < std::size(kEventTypes); ++i) {
    if (kEventTypes[i] == type) return i;
  }
  return std::nullopt;
}

bool read_typed(Reading& reading, Text type, Element data, const Path& root, Event& out) {
  auto index = index_of(type);
  if (!index) return reading.fail(root.field("type"), "unknown type " + quoted(type));
  if (!kReaders[*index](reading, data, root.field("data"), out.data)) return false;
  return std::visit(
      [&](const auto& read) {
        if constexpr (requires { read.session_id; }) {
          if (out.subject && *out.subject != read.session_id)
            return reading.fail(root.field("subject"), "must equal data.session_id");
        }
        return true;
      },
      out.data);
}

// `data` stands for the envelope's own, when it travelled apart.
bool read_event(Reading& reading, Element value, std::optional<Element> data, Event& out) {
  const Path root;
  Envelope envelope;
  if (!read_object<kEnvelopeFields>(reading, value, root, envelope)) return false;
  if (data) envelope.data = *data;
  out.source = envelope.source;
  out.id = envelope.id;
  out.subject = envelope.subject;
  out.time = envelope.time;
  return read_typed(reading, envelope.type, envelope.data, root, out);
}

constexpr SemanticCheck kSemanticChecks[] = {
    {"unique_keys", "no object, known or not, has the same key twice (compared after unescaping)"},
    {"unicode", "the text is UTF-8 without lone surrogates, escaped or not"},
    {"depth", "at most 64 containers lie within each other, the event itself included"},
    {"bytes",
     "ids, names, versions and the entries of lists are at most 256 bytes of UTF-8 (the schema counts characters)"},
    {"time", "times are RFC 3339 with offset, a day that exists, in the years 1970 to 2199 as written and in UTC"},
    {"decimals", "scores and numeric answers have at most three decimals"},
    {"scale", "min and max of a score come together; both absent mean 1 and 5"},
    {"score", "min < max and min ≤ value ≤ max"},
    {"handler_period", "to of a handler is not before its from"},
    {"subject", "subject, where present, equals session_id (types with a session)"},
};

}  // namespace
}  // namespace codec

std::span<const SemanticCheck> semantic_checks() { return codec::kSemanticChecks; }

std::string_view event_schema(std::string_view type) {
  // echoloop.session.closed.v1 → events/session_closed.schema.json
  constexpr std::string_view kPrefix = "echoloop.", kSuffix = ".v1";
  if (!codec::index_of(type)) return {};
  std::string name(type.substr(kPrefix.size(), type.size() - kPrefix.size() - kSuffix.size()));
  name[name.find('.')] = '_';
  return find_embedded(kEventSchemas, "events/" + name + ".schema.json").value_or(std::string_view{});
}

struct EventDecoder::State {
  codec::PaddedCopy copy;
  simdjson::dom::parser parser, attributes_parser;
  codec::Reading reading;
  std::string attributes;
  std::string widened;

  auto parse_copy(std::string_view json) { return parser.parse(copy.of(json), json.size(), false); }

  // The document's root, or what is wrong with the text.
  Result<codec::Element> parse(std::string_view json) {
    reading.forget();
    if (parser.capacity() > codec::kParserKept_bytes && json.size() < codec::kParserKept_bytes / 16) {
      parser = simdjson::dom::parser();
      copy = codec::PaddedCopy();
    }
    if (json.size() > parser.capacity() || parser.capacity() == 0) {
      std::size_t wanted = std::bit_ceil(std::max(json.size(), codec::kParserStart_bytes));
      if (parser.allocate(wanted, codec::kParserDepth) != simdjson::SUCCESS)
        return broken_world("", "no memory to parse JSON");
    }
    codec::Element root;
    auto failure = parse_copy(json).get(root);
    if (failure == simdjson::NUMBER_ERROR) {
      if (auto text = codec::widen_integers(json)) {
        widened = std::move(*text);
        failure = parse_copy(widened).get(root);
      }
    }
    if (failure == simdjson::SUCCESS) return root;
    if (failure == simdjson::MEMALLOC) return broken_world("", "no memory to parse JSON");
    if (json.starts_with('\0')) {
      return bad_input("byte 0",
                       "a zero byte, as before records that a schema registry has framed: plain JSON is read here");
    }
    if (auto fault = codec::find_syntax_fault(json)) return tl::make_unexpected(std::move(*fault));
    return bad_input("", simdjson::error_message(failure));
  }

  Result<Event> read(codec::Element root) {
    Result<Event> event;  // the only thing returned, so that it is built in place
    reading.restart();
    if (!codec::read_event(reading, root, std::nullopt, *event)) event = tl::make_unexpected(*reading.fault());
    return event;
  }
};

EventDecoder::EventDecoder() : state_(std::make_unique<State>()) {}
EventDecoder::~EventDecoder() = default;
EventDecoder::EventDecoder(EventDecoder&&) noexcept = default;
EventDecoder& EventDecoder::operator=(EventDecoder&&) noexcept = default;

namespace {

void put_attributes(const Attributes& attributes, std::string& out) {
  const auto put = [&](std::string_view name, const std::optional<std::string_view>& value) {
    if (!value) return;
    out.append(",\"").append(name).append("\":");
    codec::put_json_text(out, *value);
  };
  put("specversion", attributes.specversion);
  put("id", attributes.id);
  put("source", attributes.source);
  put("type", attributes.type);
  put("subject", attributes.subject);
  put("time", attributes.time);
}

}  // namespace

std::string structured(const Attributes& attributes, std::string_view data) {
  std::string out;
  put_attributes(attributes, out);
  if (!out.empty()) {
    out.front() = '{';
    out.push_back(',');
  } else {
    out.push_back('{');
  }
  return out.append("\"data\":").append(data).append("}");
}

Result<Event> EventDecoder::decode(std::string_view json) {
  auto root = state_->parse(json);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  return state_->read(*root);
}

Result<Event> EventDecoder::decode_binary(const Attributes& attributes, std::string_view data) {
  auto root = state_->parse(data);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  // The attributes become an envelope, so that the same table checks them.
  std::string& text = state_->attributes;
  text = R"({"data":true)";
  put_attributes(attributes, text);
  text += '}';
  codec::Element envelope;
  if (state_->attributes_parser.parse(text).get(envelope) != simdjson::SUCCESS) {
    return bad_input("", "a context attribute is not valid UTF-8");
  }
  Result<Event> event;
  state_->reading.restart();
  if (!codec::read_event(state_->reading, envelope, *root, *event))
    return tl::make_unexpected(*state_->reading.fault());
  return event;
}

Result<void> EventDecoder::check(std::string_view json) {
  auto root = state_->parse(json);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  state_->reading.restart();
  if (!state_->reading.ignore(*root, {})) return tl::make_unexpected(*state_->reading.fault());
  return {};
}

Result<std::size_t> EventDecoder::decode_batch(std::string_view json, const Visit& visit) {
  auto root = state_->parse(json);
  if (!root && codec::is_array_in_outline(json)) {
    // Something in a text or a number of one element: it must not hurt the others.
    std::size_t count = 0;
    for (codec::ArrayCutter cutter(json); !cutter.done(); ++count) {
      const std::string_view element = cutter.next();
      visit(count, element, decode(element));
    }
    return count;
  }
  if (!root) return tl::make_unexpected(std::move(root.error()));
  if (!root->is_array()) return bad_input("", "a batch must be a JSON array of events");
  codec::ArrayCutter cutter(json);
  std::size_t index = 0;
  for (codec::Element element : simdjson::dom::array(*root)) {
    visit(index++, cutter.next(), state_->read(element));
  }
  return index;
}

void encode(const Event& event, std::string& out) {
  out += R"({"specversion":"1.0","id":)";
  codec::put_json_text(out, event.id);
  out += R"(,"source":)";
  codec::put_json_text(out, event.source);
  out += R"(,"type":)";
  codec::put_json_text(out, type_name(event));
  if (event.subject) {
    out += R"(,"subject":)";
    codec::put_json_text(out, *event.subject);
  }
  if (event.time) {
    out += R"(,"time":)";
    codec::put_json_time(out, *event.time);
  }
  out += R"(,"data":)";
  std::visit([&](const auto& data) { codec::write_data(data, out); }, event.data);
  out += '}';
}

}  // namespace echoloop
