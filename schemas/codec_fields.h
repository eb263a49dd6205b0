// Objects as tables: each struct has one constant array of fields, in canonical order, from which both reading and
// writing follow. Private to the codec.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "schemas/codec_reading.h"
#include "schemas/codec_writing.h"

namespace echoloop::codec {

// A name of at most 16 bytes as two words, its first and its last eight bytes (the same word when it is shorter), and
// its length: equal when all three are, which is told without a loop.
struct NameWords {
  std::uint64_t first = 0, last = 0;
  std::size_t size = 0;

  friend constexpr bool operator==(const NameWords& a, const NameWords& b) {
    return ((a.first ^ b.first) | (a.last ^ b.last) | (a.size ^ b.size)) == 0;
  }
};

inline constexpr std::size_t kName_bytes_max = 16;

static_assert(std::endian::native == std::endian::little, "both words_of load bytes in one order");

// Of a name that stands in this program. It must not be longer than kName_bytes_max.
constexpr NameWords words_of_name(Text name) {
  const auto word = [&](std::size_t from) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8 && from + i < name.size(); ++i)
      out |= static_cast<std::uint64_t>(static_cast<unsigned char>(name[from + i])) << (8 * i);
    return out;
  };
  if (name.size() > kName_bytes_max) throw "too long a name";
  return NameWords{word(0), word(name.size() < 8 ? 0 : name.size() - 8), name.size()};
}

// Of a text as simdjson gives it: a view into its buffer, which may be read beyond the text's end (SIMDJSON_PADDING).
// Longer ones equal no name.
inline NameWords words_of(Text text) {
  NameWords out;
  out.size = text.size();
  std::memcpy(&out.first, text.data(), sizeof out.first);
  if (text.size() < sizeof out.first) {
    out.first &= (std::uint64_t{1} << (8 * text.size())) - 1;
    out.last = out.first;
  } else {
    std::memcpy(&out.last, text.data() + text.size() - sizeof out.last, sizeof out.last);
  }
  return out;
}

template <class T>
struct Field {
  Text name;
  NameWords words;
  bool required = false;
  bool (*read)(Reading&, Element, const Path&, T&) = nullptr;
  bool (*present)(const T&) = nullptr;  // worth writing
  void (*write)(const T&, std::string&) = nullptr;
};

// One pass over the object's keys. The search for a key starts behind the field found last, so that documents in
// canonical order find every field at the first comparison.
template <const auto& Fields, class T>
bool read_object(Reading& reading, Element value, const Path& at, T& out) {
  constexpr std::size_t N = Fields.size();
  static_assert(N <= 64);
  constexpr std::uint64_t required = [] {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < N; ++i) bits |= std::uint64_t{Fields[i].required} << i;
    return bits;
  }();
  if (!value.is_object()) return reading.fail_type(at, "an object", value);
  std::uint64_t seen = 0;
  std::size_t next = 0;
  const std::size_t mark = reading.mark();
  Path place = at.field({});
  for (auto [key, inner] : simdjson::dom::object(value)) {
    const NameWords words = words_of(key);
    std::size_t tried = 0;
    while (tried < N && !(words == Fields[next].words)) {
      ++tried;
      if (++next == N) next = 0;
    }
    place.key = key;
    if (tried == N) {
      reading.add_key(key);
      if (!reading.ignore(inner, place)) return false;
      continue;
    }
    const std::uint64_t bit = std::uint64_t{1} << next;
    if ((seen & bit) != 0) return reading.fail(place, duplicate_key(key));
    seen |= bit;
    const Field<T>& field = Fields[next];
    if (++next == N) next = 0;
    if (inner.is_null()) {
      if (field.required) return reading.fail(place, "is required and must not be null");
    } else if (!field.read(reading, inner, place, out)) {
      return false;
    }
  }
  if (const std::uint64_t missing = required & ~seen; missing != 0) {
    const auto first = static_cast<std::size_t>(std::countr_zero(missing));
    return reading.fail(at.field(Fields[first].name), "is required and missing");
  }
  return reading.mark() == mark || reading.distinct_since(mark, at);
}

template <class T, std::size_t N>
void write_object(const T& value, const std::array<Field<T>, N>& fields, std::string& out) {
  char before = '{';
  for (const Field<T>& field : fields) {
    if (!field.required && !field.present(value)) continue;
    out += before;
    out += '"';
    out += field.name;
    out += "\":";
    field.write(value, out);
    before = ',';
  }
  out += before == '{' ? "{}" : "}";
}

// ---------------------------------------------------------------- kinds of values: how one is read and written
struct Id {
  static bool read(Reading& r, Element e, const Path& p, Text& out) { return r.text(e, p, 1, kId_bytes_max, out); }
  static void write(Text value, std::string& out) { put_json_text(out, value); }
};
struct Label {
  static bool read(Reading& r, Element e, const Path& p, Text& out) { return r.text(e, p, 0, kId_bytes_max, out); }
  static void write(Text value, std::string& out) { put_json_text(out, value); }
};
struct Prose {
  static bool read(Reading& r, Element e, const Path& p, Text& out) { return r.prose(e, p, out); }
  static void write(Text value, std::string& out) { put_json_text(out, value); }
};
struct Version {
  static bool read(Reading& r, Element e, const Path& p, Text& out) { return r.version(e, p, out); }
  static void write(Text value, std::string& out) { put_json_text(out, value); }
};
struct Instant {
  static bool read(Reading& r, Element e, const Path& p, Time& out) { return r.time(e, p, out); }
  static void write(Time value, std::string& out) { put_json_time(out, value); }
};
struct Flag {
  static bool read(Reading& r, Element e, const Path& p, bool& out) {
    return e.get(out) == simdjson::SUCCESS || r.fail_type(p, "true or false", e);
  }
  static void write(bool value, std::string& out) { out += value ? "true" : "false"; }
};
template <std::int64_t Max>
struct UpTo {
  static bool read(Reading& r, Element e, const Path& p, std::int64_t& out) { return r.integer(e, p, 0, Max, out); }
  static void write(std::int64_t value, std::string& out) { put_json_integer(out, value); }
};
using Milliseconds = UpTo<kDuration_ms_max>;
using Count = UpTo<kCount_max>;

template <std::size_t N>
std::string one_of(const std::array<Text, N>& names) {
  std::string out = N == 1 ? "must be" : "must be one of";
  for (std::size_t i = 0; i < N; ++i) out.append(i == 0 ? " " : ", ").append(names[i]);
  return out;
}

template <const auto& Names>
inline constexpr auto kWordsOf = [] {
  std::array<NameWords, std::size(Names)> out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = words_of_name(Names[i]);
  return out;
}();

// Which of the fixed names.
template <const auto& Names>
bool read_name(Reading& r, Element e, const Path& p, std::size_t& index) {
  Text text;
  if (e.get(text) != simdjson::SUCCESS) return r.fail_type(p, "a string", e);
  const NameWords words = words_of(text);
  for (index = 0; index < Names.size(); ++index) {
    if (words == kWordsOf<Names>[index]) return true;
  }
  return r.fail(p, fmt::format("{}, not {}", one_of(Names), quoted(text)));
}

// One of fixed names; kept as text.
template <const auto& Names>
struct Choice {
  static bool read(Reading& r, Element e, const Path& p, Text& out) {
    std::size_t index = 0;
    if (!read_name<Names>(r, e, p, index)) return false;
    out = Names[index];
    return true;
  }
  static void write(Text value, std::string& out) { put_json_text(out, value); }
};

// One of fixed names; kept as First + its index.
template <const auto& Names, int First = 0>
struct Enumerated {
  template <class E>
  static bool read(Reading& r, Element e, const Path& p, E& out) {
    std::size_t index = 0;
    if (!read_name<Names>(r, e, p, index)) return false;
    out = static_cast<E>(First + static_cast<int>(index));
    return true;
  }
  template <class E>
  static void write(E value, std::string& out) {
    put_json_text(out, Names[static_cast<std::size_t>(static_cast<int>(value) - First)]);
  }
};

template <class Kind, std::size_t Most = kEntries_max>
struct List {
  template <class V>
  static bool read(Reading& r, Element e, const Path& p, std::vector<V>& out) {
    if (!e.is_array()) return r.fail_type(p, "an array", e);
    simdjson::dom::array array(e);
    if (array.size() > Most) {
      return r.fail(p, fmt::format("at most {} entries are allowed", Most));
    }
    out.reserve(array.size());
    std::size_t index = 0;
    for (Element entry : array) {
      if (!Kind::read(r, entry, p.element(index++), out.emplace_back())) return false;
    }
    return true;
  }
  template <class V>
  static void write(const std::vector<V>& values, std::string& out) {
    char before = '[';
    for (const V& value : values) {
      out += before;
      Kind::write(value, out);
      before = ',';
    }
    out += before == '[' ? "[]" : "]";
  }
};

template <const auto& Fields>
struct Object {
  template <class V>
  static bool read(Reading& r, Element e, const Path& p, V& out) {
    return read_object<Fields>(r, e, p, out);
  }
  template <class V>
  static void write(const V& value, std::string& out) {
    write_object(value, Fields, out);
  }
};

// ---------------------------------------------------------------- fields from members
template <class M>
struct MemberOf;
template <class T, class V>
struct MemberOf<V T::*> {
  using Owner = T;
};

template <class V>
struct Held {
  using Value = V;
  static bool present(const V& value) {
    if constexpr (requires { value.empty(); }) {
      return !value.empty();
    } else if constexpr (std::is_same_v<V, bool>) {
      return value;
    } else {
      return value != V{};
    }
  }
  static const V& get(const V& value) { return value; }
  static V& make(V& value) { return value; }
};
template <class V>
struct Held<std::optional<V>> {
  using Value = V;
  static bool present(const std::optional<V>& value) { return value.has_value(); }
  static const V& get(const std::optional<V>& value) { return *value; }
  static V& make(std::optional<V>& value) { return value.emplace(); }
};

template <class Kind, auto Member, class T = typename MemberOf<decltype(Member)>::Owner>
consteval Field<T> field(Text name, bool required) {
  using Holder = Held<std::remove_cvref_t<decltype(std::declval<T&>().*Member)>>;
  return Field<T>{
      name,
      words_of_name(name),
      required,
      [](Reading& r, Element e, const Path& p, T& out) { return Kind::read(r, e, p, Holder::make(out.*Member)); },
      [](const T& value) { return Holder::present(value.*Member); },
      [](const T& value, std::string& out) { Kind::write(Holder::get(value.*Member), out); }};
}
template <class Kind, auto Member>
consteval auto need(Text name) {
  return field<Kind, Member>(name, true);
}
template <class Kind, auto Member>
consteval auto may(Text name) {
  return field<Kind, Member>(name, false);
}

// ---------------------------------------------------------------- the data of each type (codec_session.cc,
// codec_feedback.cc, codec_task.cc)
bool read_data(Reading& reading, Element value, const Path& at, SessionClosed& out);
bool read_data(Reading& reading, Element value, const Path& at, SurveyInvited& out);
bool read_data(Reading& reading, Element value, const Path& at, EvaluationSubmitted& out);
bool read_data(Reading& reading, Element value, const Path& at, EvaluationWithdrawn& out);
bool read_data(Reading& reading, Element value, const Path& at, TagsChanged& out);
bool read_data(Reading& reading, Element value, const Path& at, ReviewRecorded& out);
bool read_data(Reading& reading, Element value, const Path& at, OutcomeObserved& out);
bool read_data(Reading& reading, Element value, const Path& at, TaskCommand& out);
void write_data(const SessionClosed& data, std::string& out);
void write_data(const SurveyInvited& data, std::string& out);
void write_data(const EvaluationSubmitted& data, std::string& out);
void write_data(const EvaluationWithdrawn& data, std::string& out);
void write_data(const TagsChanged& data, std::string& out);
void write_data(const ReviewRecorded& data, std::string& out);
void write_data(const OutcomeObserved& data, std::string& out);
void write_data(const TaskCommand& data, std::string& out);

}  // namespace echoloop::codec
