#include "schemas/session.h"

#include <type_traits>

#include "schemas/session_shorter.h"
#include "schemas/wire.h"

namespace echoloop::state {

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
  w.text_or_uuid(2, c.id);
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
  w.uuid(25, c.id);
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
  w.text_or_uuid(2, e.id);
  w.text_unless_same(3, e.evaluation_id, e.id);
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
  w.uuid(18, e.id);
  w.same(19, e.evaluation_id, e.id);
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
  w.number(25, f.as_row);
  w.bytes(26, f.tags_as_row);
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
  w.message_if(10, s.counted, s.facts);
  w.each(11, s.red_lines);
  w.texts(12, s.recoveries);
  w.number(13, s.touched_at);
  w.maybe(14, s.age);
  w.bytes(15, s.seen_as_row);
}

bool parse(std::string_view bytes, Arena& arena, Session& out) {
  Reading reading{bytes, arena};
  walk(reading, out);
  return reading.finish() && lengthen(out, arena);
}

void put(const Session& session, std::string& out) {
  Session shorter = session;
  thread_local ShorterLists lists;
  shorten(shorter, lists);
  Writing writing{out};
  walk(writing, shorter);
}

void put(const Facts& facts, std::string& out) {
  Writing writing{out};
  walk(writing, facts);
}

}  // namespace echoloop::state
