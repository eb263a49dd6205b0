#include "schemas/session.h"

#include "pipeline/base/bytes.h"

namespace echoloop::state {
namespace {

// The fields of each struct, by rising number: the same list is walked to write and to read.
template <class Walk, class T>
void walk(Walk& w, T& h) requires std::is_same_v<std::remove_const_t<T>, Handler> {
  w.text(1, h.id);
  w.text(2, h.group);
  w.text(3, h.department);
  w.number(4, h.bot);
  w.maybe(5, h.from);
  w.maybe(6, h.to);
}

template <class Walk, class T>
void walk(Walk& w, T& c) requires std::is_same_v<std::remove_const_t<T>, Close> {
  w.text(1, c.source);
  w.text(2, c.id);
  w.number(3, c.closed_at);
  w.text(4, c.customer_id);
  w.text(5, c.channel);
  w.maybe(6, c.opened_at);
  w.maybe(7, c.queued_ms);
  w.maybe(8, c.first_reply_ms);
  w.maybe(9, c.handle_ms);
  w.text(10, c.closed_by);
  w.text(11, c.category);
  w.text(12, c.entity);
  w.each(13, c.agents);
  w.maybe(14, c.transfers);
  w.maybe(15, c.work_orders);
  w.maybe(16, c.knowledge_lookups);
  w.maybe(17, c.knowledge_hits);
  w.texts(18, c.links);
  w.text(19, c.routing_rule);
  w.text(20, c.routing_version);
  w.text(21, c.intended_group);
  w.number(22, c.agent_resolution);
  w.texts(23, c.agent_tags);
  w.text(24, c.previous_session);
}

template <class Walk, class T>
void walk(Walk& w, T& a) requires std::is_same_v<std::remove_const_t<T>, Answer> {
  w.text(1, a.question);
  w.maybe(2, a.text);
  w.maybe(3, a.number);
  w.number(4, a.skipped);
}

template <class Walk, class T>
void walk(Walk& w, T& e) requires std::is_same_v<std::remove_const_t<T>, Evaluation> {
  w.text(1, e.source);
  w.text(2, e.id);
  w.text(3, e.evaluation_id);
  w.number(4, e.submitted_at);
  w.text(5, e.customer_id);
  w.text(6, e.survey);
  w.text(7, e.version);
  w.number(8, e.has_score);
  w.number(9, e.score);
  w.number(10, e.score_min);
  w.number(11, e.score_max);
  w.number(12, e.resolved);
  w.texts(13, e.tags);
  w.text(14, e.comment);
  w.each(15, e.answers);
  w.text(16, e.language);
  w.maybe(17, e.wants_contact);
}

template <class Walk, class T>
void walk(Walk& w, T& one) requires std::is_same_v<std::remove_const_t<T>, Withdrawal> {
  w.text(1, one.evaluation_id);
  w.text(2, one.reason);
}

template <class Walk, class T>
void walk(Walk& w, T& i) requires std::is_same_v<std::remove_const_t<T>, Invitation> {
  w.text(1, i.survey);
  w.number(2, i.sent_at);
  w.text(3, i.version);
  w.text(4, i.channel);
  w.text(5, i.outcome);
}

template <class Walk, class T>
void walk(Walk& w, T& s) requires std::is_same_v<std::remove_const_t<T>, TagStatement> {
  w.number(1, s.by);
  w.text(2, s.tag);
  w.number(3, s.present);
  w.number(4, s.time);
  w.text(5, s.id);
  w.text(6, s.source);
}

template <class Walk, class T>
void walk(Walk& w, T& r) requires std::is_same_v<std::remove_const_t<T>, Review> {
  w.text(1, r.reviewer);
  w.number(2, r.time);
  w.text(3, r.id);
  w.text(4, r.source);
  w.text(5, r.cause);
  w.maybe(6, r.misrouted);
  w.texts(7, r.tags);
  w.maybe(8, r.agrees);
  w.text(9, r.note);
}

template <class Walk, class T>
void walk(Walk& w, T& p) requires std::is_same_v<std::remove_const_t<T>, EventPlace> {
  w.number(1, p.offset);
  w.number(2, p.fate);
}

template <class Walk, class T>
void walk(Walk& w, T& s) requires std::is_same_v<std::remove_const_t<T>, Facts::Standing> {
  w.text(1, s.survey);
  w.text(2, s.version);
  w.text(3, s.language);
  w.text(4, s.delay);
  w.number(5, s.kind);
  w.number(6, s.has_score);
  w.number(7, s.score);
  w.number(8, s.score_min);
  w.number(9, s.score_max);
  w.number(10, s.top);
  w.number(11, s.bottom);
  w.texts(12, s.questions);
  w.flags(13, s.skipped);
  w.number(14, s.wants_contact);
}

template <class Walk, class T>
void walk(Walk& w, T& c) requires std::is_same_v<std::remove_const_t<T>, Facts::Credit> {
  w.text(1, c.agent);
  w.text(2, c.group);
  w.text(3, c.department);
  w.number(4, c.ms);
}

template <class Walk, class T>
void walk(Walk& w, T& f) requires std::is_same_v<std::remove_const_t<T>, Facts> {
  w.number(1, f.counting);
  w.number(2, f.bucket);
  w.text(3, f.channel);
  w.text(4, f.category);
  w.text(5, f.entity);
  w.text(6, f.agent);
  w.text(7, f.group);
  w.text(8, f.department);
  w.text(9, f.bot);
  w.text(10, f.routing_version);
  w.texts(11, f.tags);
  w.texts(12, f.agent_tags);
  w.texts(13, f.review_tags);
  w.texts(14, f.moments);
  w.each(15, f.standing);
  w.each(16, f.credits);
  w.number(17, f.agent_resolution);
  w.number(18, f.customer_resolution);
  w.number(19, f.invited);
  w.number(20, f.not_reached);
  w.maybe(21, f.handle_ms);
  w.maybe(22, f.queued_ms);
  w.maybe(23, f.first_reply_ms);
  w.number(24, f.latest_submitted_at);
}

template <class Walk, class T>
void walk(Walk& w, T& f) requires std::is_same_v<std::remove_const_t<T>, RedLineFound> {
  w.text(1, f.red_line);
  w.text(2, f.evaluation_id);
  w.number(3, f.withdrawn);
}

template <class Walk, class T>
void walk(Walk& w, T& s) requires std::is_same_v<std::remove_const_t<T>, Session> {
  w.bytes(1, s.seen);
  w.bytes(2, s.seen_content);
  w.message(3, s.close);
  w.each(4, s.evaluations);
  w.each(5, s.withdrawals);
  w.each(6, s.invitations);
  w.each(7, s.statements);
  w.each(8, s.reviews);
  w.each(9, s.events);
  w.text(10, s.counted);
  w.each(11, s.red_lines);
  w.texts(12, s.recoveries);
  w.number(13, s.touched_at);
  w.maybe(14, s.age);
}

enum Wire : std::uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class Writing {
 public:
  explicit Writing(std::string& out) : out_(out) {}

  void text(std::uint64_t field, Text value) {
    if (!value.empty()) always(field, value);
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

 private:
  void head(std::uint64_t field, Wire wire) { put_varint(out_, field << 3 | wire); }
  void always(std::uint64_t field, Text value) {
    head(field, kBytes);
    put_text(out_, value);
  }
  template <class N>
  void always(std::uint64_t field, N value) requires std::is_integral_v<N> {
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

class Reading {
 public:
  Reading(std::string_view bytes, Arena& arena) : in_(bytes), arena_(arena) { next(); }

  void text(std::uint64_t field, Text& out) {
    while (reaches(field, kBytes)) {
      out = in_.text();
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

template <class T>
bool read(std::string_view bytes, Arena& arena, T& out) {
  Reading reading{bytes, arena};
  walk(reading, out);
  return reading.finish();
}

}  // namespace

bool parse(std::string_view bytes, Arena& arena, Session& out) { return read(bytes, arena, out); }
bool parse(std::string_view bytes, Arena& arena, Facts& out) { return read(bytes, arena, out); }
bool parse(std::string_view bytes, Arena& arena, SessionRow& out) {
  Session& session = out;
  return read(bytes, arena, session) && read(session.counted, arena, out.facts);
}

void put(const Session& session, std::string& out) {
  Writing writing{out};
  walk(writing, session);
}

void put(const Facts& facts, std::string& out) {
  Writing writing{out};
  walk(writing, facts);
}

}  // namespace echoloop::state
