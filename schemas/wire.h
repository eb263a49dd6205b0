// Protobuf's wire format for structs of views: a walk over the fields of a struct by rising number writes them or reads
// them. walk(walker, struct) is found beside the struct; session.cc has those of a session's row.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/arena.h"
#include "pipeline/base/bytes.h"
#include "schemas/uuid.h"

namespace echoloop::state {

using Text = std::string_view;

enum Wire : std::uint64_t { kVarint = 0, kBytes = 2 };  // no other is written

// Fields that say nothing, as proto3 has it, are left out.
class Writing {
 public:
  explicit Writing(std::string& out) : out_(out) {}

  void text(std::uint64_t field, Text value) {
    if (!value.empty()) always(field, value);
  }
  // A text that most often is a UUID: 16 bytes then, in a field of their own.
  void text_or_uuid(std::uint64_t field, Text value) {
    if (!is_uuid(value)) text(field, value);
  }
  void uuid(std::uint64_t field, Text value) {
    if (is_uuid(value)) always(field, uuid_bytes(value));
  }
  // A text that most often is the same as another one of the struct.
  void text_unless_same(std::uint64_t field, Text value, Text other) {
    if (value != other) text(field, value);
  }
  void same(std::uint64_t field, Text value, Text other) {
    if (!value.empty() && value == other) always(field, true);
  }
  template <class N>
  void number(std::uint64_t field, N value) {
    if (value != N{}) always(field, value);
  }
  template <class V>
  void maybe(std::uint64_t field, const std::optional<V>& value) {
    if (value) always(field, *value);
  }
  void texts(std::uint64_t field, const List<Text>& values) {
    for (Text value : values) always(field, value);
  }
  void bytes(std::uint64_t field, const List<char>& values) { text(field, {values.data(), values.size()}); }
  void flags(std::uint64_t field, const List<bool>& values) {
    if (values.empty()) return;
    head(field, kBytes);
    put_varint(out_, values.size());
    for (bool value : values) out_.push_back(value ? 1 : 0);
  }
  template <class T>
  void each(std::uint64_t field, const List<T>& values) {
    for (const T& value : values) nested(field, value);
  }
  template <class T>
  void message(std::uint64_t field, const std::optional<T>& value) {
    if (value) nested(field, *value);
  }
  template <class T>
  void message_if(std::uint64_t field, bool present, const T& value) {
    if (present) nested(field, value);
  }

 private:
  void head(std::uint64_t field, Wire wire) { put_varint(out_, field << 3 | wire); }
  void always(std::uint64_t field, Text value) {
    head(field, kBytes);
    put_text(out_, value);
  }
  void always(std::uint64_t field, const UuidBytes& value) { always(field, Text(value.data(), value.size())); }
  template <class N>
  void always(std::uint64_t field, N value) requires std::integral<N> {
    head(field, kVarint);
    put_varint(out_, static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  }
  template <class T>
  void nested(std::uint64_t field, const T& value) {
    head(field, kBytes);
    const std::size_t begin = out_.size();
    out_.push_back('\0');  // its length, which most often is a byte
    walk(*this, value);
    const std::size_t size = out_.size() - begin - 1;
    if (size < 0x80) {
      out_[begin] = static_cast<char>(size);
    } else {
      std::string length;
      put_varint(length, size);
      out_.replace(begin, 1, length);
    }
  }

  std::string& out_;
};

// Texts are views into the bytes, lists lie in the arena. Fields that are not walked over are of a later version and
// skipped.
class Reading {
 public:
  Reading(std::string_view bytes, Arena& arena) : in_(bytes), arena_(arena) { next(); }

  void text(std::uint64_t field, Text& out) {
    while (reaches(field, kBytes)) {
      out = in_.text();
      next();
    }
  }
  void text_or_uuid(std::uint64_t field, Text& out) { text(field, out); }
  void uuid(std::uint64_t field, Text& out) {
    while (reaches(field, kBytes)) {
      const Text bytes = in_.text();
      if (bytes.size() == sizeof(UuidBytes)) {
        out = uuid_text(bytes, arena_);
      } else {
        ok_ = false;
      }
      next();
    }
  }
  void text_unless_same(std::uint64_t field, Text& out, Text) { text(field, out); }
  void same(std::uint64_t field, Text& out, Text other) {
    while (reaches(field, kVarint)) {
      if (in_.varint() != 0) out = other;
      next();
    }
  }
  template <class N>
  void number(std::uint64_t field, N& out) {
    while (reaches(field, kVarint)) {
      out = static_cast<N>(in_.varint());
      next();
    }
  }
  void maybe(std::uint64_t field, std::optional<Text>& out) {
    while (reaches(field, kBytes)) {
      out = in_.text();
      next();
    }
  }
  template <class N>
  void maybe(std::uint64_t field, std::optional<N>& out) {
    while (reaches(field, kVarint)) {
      out = static_cast<N>(in_.varint());
      next();
    }
  }
  void texts(std::uint64_t field, List<Text>& out) {
    while (reaches(field, kBytes)) {
      out.add(arena_, in_.text());
      next();
    }
  }
  void bytes(std::uint64_t field, List<char>& out) {
    Text view;
    text(field, view);
    out = List<char>::over(view.data(), view.size());
  }
  void flags(std::uint64_t field, List<bool>& out) {
    while (reaches(field, kBytes)) {
      for (Reader values{in_.text()}; !values.done();) {
        out.add(arena_, values.varint() != 0);
        ok_ = ok_ && values.ok();
      }
      next();
    }
  }
  template <class T>
  void each(std::uint64_t field, List<T>& out) {
    while (reaches(field, kBytes)) {
      nested(out.add(arena_));
      next();
    }
  }
  template <class T>
  void message(std::uint64_t field, std::optional<T>& out) {
    while (reaches(field, kBytes)) {
      nested(out.emplace());
      next();
    }
  }
  template <class T>
  void message_if(std::uint64_t field, bool& present, T& out) {
    while (reaches(field, kBytes)) {
      present = true;
      nested(out = T{});
      next();
    }
  }
  // Once all fields were walked.
  bool finish() {
    while (field_ != 0) skip();
    return ok_ && in_.ok();
  }

 private:
  void next() {
    field_ = 0;
    if (in_.done() || !in_.ok()) return;
    const std::uint64_t head = in_.varint();
    field_ = head >> 3;
    wire_ = head & 7;
    if (field_ == 0) ok_ = false;
  }
  // Whether the field comes next; what lies before it is of another version.
  bool reaches(std::uint64_t field, Wire wire) {
    while (field_ != 0 && field_ < field) skip();
    if (field_ != field) return false;
    if (wire_ == wire) return true;
    ok_ = false;
    skip();
    return false;
  }
  void skip() {
    switch (wire_) {
      case kVarint:
        in_.varint();
        break;
      case kBytes:
        in_.text();
        break;
      default:  // never written
        ok_ = false;
        field_ = 0;
        return;
    }
    next();
  }
  template <class T>
  void nested(T& out) {
    Reading inner{in_.text(), arena_};
    walk(inner, out);
    ok_ = inner.finish() && ok_;
  }

  Reader in_;
  Arena& arena_;
  std::uint64_t field_ = 0, wire_ = 0;  // of what comes next; 0: the end
  bool ok_ = true;
};

}  // namespace echoloop::state
