// What customers, agents and reviewers say about a session: evaluations and their withdrawal, tags, reviews.
#include "schemas/codec_fields.h"

namespace echoloop::codec {
namespace {

constexpr std::array<Text, 2> kYesNo{"yes", "no"};
constexpr std::array<Text, 4> kWithdrawals{"customer", "appeal", "forged", "test"};
constexpr std::array<Text, 3> kTaggers{"customer", "agent", "reviewer"};

struct Thousandths {
  static bool read(Reading& r, Element e, const Path& p, std::int64_t& out) { return r.thousandths(e, p, out); }
  static void write(std::int64_t value, std::string& out) { put_json_thousandths(out, value); }
};

// A score as written: the scale may be left out as a whole.
struct WrittenScore {
  std::int64_t value = 0;
  std::optional<std::int64_t> min, max;
};

constexpr std::array kScoreFields{
    need<Thousandths, &WrittenScore::value>("value"),
    may<Thousandths, &WrittenScore::min>("min"),
    may<Thousandths, &WrittenScore::max>("max"),
};

struct ScoreKind {
  static constexpr std::int64_t kMinDefault = 1000, kMaxDefault = 5000;  // one to five stars

  static bool read(Reading& r, Element e, const Path& p, Score& out) {
    WrittenScore written;
    if (!read_object<kScoreFields>(r, e, p, written)) return false;
    if (written.min.has_value() != written.max.has_value()) {
      return r.fail(p, "min and max come together (when both are absent the scale is 1 to 5)");
    }
    out = Score{written.value, written.min.value_or(kMinDefault), written.max.value_or(kMaxDefault)};
    if (out.min >= out.max) return r.fail(p.field("min"), "must be less than max");
    return (out.min <= out.value && out.value <= out.max) || r.fail(p.field("value"), "must lie between min and max");
  }
  static void write(const Score& score, std::string& out) {
    write_object(WrittenScore{score.value, score.min, score.max}, kScoreFields, out);
  }
};

consteval Field<Answer> answer_value() {
  return Field<Answer>{"value",
                       words_of_name("value"),
                       false,
                       [](Reading& r, Element e, const Path& p, Answer& out) {
                         if (e.is_string()) return r.prose(e, p, out.text.emplace());
                         if (e.is_number()) return r.thousandths(e, p, out.number.emplace());
                         return r.fail_type(p, "a string or a number", e);
                       },
                       [](const Answer& answer) { return answer.text || answer.number; },
                       [](const Answer& answer, std::string& out) {
                         if (answer.text) {
                           put_json_text(out, *answer.text);
                         } else {
                           put_json_thousandths(out, *answer.number);
                         }
                       }};
}

constexpr std::array kAnswerFields{
    need<Id, &Answer::question>("question"),
    answer_value(),
    may<Flag, &Answer::skipped>("skipped"),
};

constexpr std::array kSubmittedFields{
    need<Id, &EvaluationSubmitted::tenant>("tenant"),
    need<Id, &EvaluationSubmitted::session_id>("session_id"),
    need<Id, &EvaluationSubmitted::evaluation_id>("evaluation_id"),
    need<Instant, &EvaluationSubmitted::submitted_at>("submitted_at"),
    may<Id, &EvaluationSubmitted::customer_id>("customer_id"),
    may<Label, &EvaluationSubmitted::survey>("survey"),
    may<Version, &EvaluationSubmitted::version>("version"),
    may<ScoreKind, &EvaluationSubmitted::score>("score"),
    may<Enumerated<kYesNo, 1>, &EvaluationSubmitted::resolved>("resolved"),
    may<List<Label>, &EvaluationSubmitted::tags>("tags"),
    may<Prose, &EvaluationSubmitted::comment>("comment"),
    may<List<Object<kAnswerFields>>, &EvaluationSubmitted::answers>("answers"),
    may<Label, &EvaluationSubmitted::language>("language"),
    may<Flag, &EvaluationSubmitted::wants_contact>("wants_contact"),
};

constexpr std::array kWithdrawnFields{
    need<Id, &EvaluationWithdrawn::tenant>("tenant"),
    need<Id, &EvaluationWithdrawn::session_id>("session_id"),
    need<Id, &EvaluationWithdrawn::evaluation_id>("evaluation_id"),
    need<Choice<kWithdrawals>, &EvaluationWithdrawn::reason>("reason"),
};

constexpr std::array kTagsFields{
    need<Id, &TagsChanged::tenant>("tenant"),           need<Id, &TagsChanged::session_id>("session_id"),
    need<Enumerated<kTaggers>, &TagsChanged::by>("by"), may<Label, &TagsChanged::who>("who"),
    may<List<Label>, &TagsChanged::add>("add"),         may<List<Label>, &TagsChanged::remove>("remove"),
};

constexpr std::array kReviewFields{
    need<Id, &ReviewRecorded::tenant>("tenant"),        need<Id, &ReviewRecorded::session_id>("session_id"),
    need<Id, &ReviewRecorded::reviewer>("reviewer"),    may<Label, &ReviewRecorded::cause>("cause"),
    may<Flag, &ReviewRecorded::misrouted>("misrouted"), may<List<Label>, &ReviewRecorded::tags>("tags"),
    may<Flag, &ReviewRecorded::agrees>("agrees"),       may<Prose, &ReviewRecorded::note>("note"),
};

}  // namespace

bool read_data(Reading& reading, Element value, const Path& at, EvaluationSubmitted& out) {
  return read_object<kSubmittedFields>(reading, value, at, out);
}
void write_data(const EvaluationSubmitted& data, std::string& out) { write_object(data, kSubmittedFields, out); }

bool read_data(Reading& reading, Element value, const Path& at, EvaluationWithdrawn& out) {
  return read_object<kWithdrawnFields>(reading, value, at, out);
}
void write_data(const EvaluationWithdrawn& data, std::string& out) { write_object(data, kWithdrawnFields, out); }

bool read_data(Reading& reading, Element value, const Path& at, TagsChanged& out) {
  return read_object<kTagsFields>(reading, value, at, out);
}
void write_data(const TagsChanged& data, std::string& out) { write_object(data, kTagsFields, out); }

bool read_data(Reading& reading, Element value, const Path& at, ReviewRecorded& out) {
  return read_object<kReviewFields>(reading, value, at, out);
}
void write_data(const ReviewRecorded& data, std::string& out) { write_object(data, kReviewFields, out); }

}  // namespace echoloop::codec
