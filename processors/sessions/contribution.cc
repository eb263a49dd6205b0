#include "processors/sessions/contribution.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <array>
#include <map>

namespace echoloop::sessions {
namespace {

using aggregates::Measures;
using Standing = state::Facts::Standing;
using Credit = state::Facts::Credit;
using Selected = std::span<const Standing* const>;
using Values = absl::InlinedVector<Value, 4>;

constexpr std::string_view kUnknown = "unknown";

constexpr std::array<std::string_view, 18> kNames = {
    "channel", "department", "group",           "agent",    "category",  "category1",
    "entity",  "bot",        "routing_version", "tag",      "agent_tag", "review_tag",
    "moment",  "survey",     "survey_version",  "question", "delay",     "language"};
constexpr std::size_t kSingles = 9, kLists = 4;  // dimensions of one value, then those of several

bool is_of_evaluation(Dimension d) { return d >= Dimension::survey; }
bool is_several(Dimension d) { return d >= Dimension::tag && d <= Dimension::moment; }
bool is_of_handler(Dimension d) { return d == Dimension::department || d == Dimension::group || d == Dimension::agent; }

std::span<const Value> span_of(const Values& values) { return {values.data(), values.size()}; }

std::string_view or_unknown(std::string_view value) { return value.empty() ? kUnknown : value; }

using enum aggregates::Counter;

void add_session(const state::Facts& facts, Measures& m) {
  m.add(static_cast<aggregates::Counter>(facts.agent_resolution * 3 + facts.customer_resolution), 1);
  if (facts.invited) m.add(invited, 1);
  if (facts.not_reached) m.add(not_reached, 1);
  const auto add_time = [&](const std::optional<std::int64_t>& ms, aggregates::Counter n, aggregates::Counter sum,
                            aggregates::Timing timing) {
    if (!ms) return;
    m.add(n, 1);
    m.add(sum, *ms);
    m.add_time(timing, aggregates::bin_of(static_cast<std::uint64_t>(*ms)), 1);
  };
  add_time(facts.handle_ms, handle_n, handle_ms, aggregates::Timing::handle);
  add_time(facts.queued_ms, queue_n, queue_ms, aggregates::Timing::queue);
  add_time(facts.first_reply_ms, first_reply_n, first_reply_ms, aggregates::Timing::first_reply);
}

// `question`: only its answers count; empty: all.
void add_evaluation(const Standing& e, std::string_view question, Measures& m) {
  m.add(evaluations, 1);
  if (e.has_score) {
    auto kind = static_cast<aggregates::ScoreKind>(e.kind);
    m.add_score({kind, e.score_min, e.score_max, e.score}, 1);
    switch (kind) {
      case aggregates::ScoreKind::csat:
        m.add(csat_n, 1);
        m.add(csat_top, e.top);
        m.add(csat_bottom, e.bottom);
        break;
      case aggregates::ScoreKind::nps:
        m.add(nps_n, 1);
        m.add(nps_promoters, e.top);
        m.add(nps_detractors, e.bottom);
        break;
      case aggregates::ScoreKind::ces:
        m.add(ces_n, 1);
        m.add(ces_sum, e.score);
        break;
    }
  }
  for (std::size_t i = 0; i < e.questions.size(); ++i) {
    if (!question.empty() && or_unknown(e.questions[i]) != question) continue;
    m.add(answers, 1);
    m.add(answers_skipped, e.skipped[i] ? 1 : 0);
  }
}

// One handler's part in these evaluations, but for all_sessions, which counts once per combination of values.
void add_credit(std::int64_t ms, Selected selected, Measures& m) {
  m.add(weighted_ms, ms);
  for (const Standing* e : selected) {
    if (!e->has_score || e->kind != static_cast<int>(aggregates::ScoreKind::csat)) continue;
    m.add(all_csat_n, 1);
    m.add(all_csat_top, e->top);
    m.add(all_csat_bottom, e->bottom);
    m.add(weighted_csat_ms, ms);
    m.add(weighted_csat_top_ms, e->top ? ms : 0);
    m.add(weighted_csat_bottom_ms, e->bottom ? ms : 0);
  }
}

// The nine resolution counters are numbered agent · 3 + customer; the events' Resolution is numbered the same way.
static_assert(static_cast<int>(resolved_yes) == 3 + 1);
static_assert(static_cast<int>(unresolved_unanswered) == 6);

// What most cells of a session gain; kept from session to session for its memory.
struct Parts {
  Measures session;   // without evaluations
  Measures whole;     // with all of them
  Measures credited;  // with the credit of the one handler too
};

// Spreads one session over sets.
class Spread {
 public:
  Spread(const state::Facts& facts, Intern intern, Parts& parts)
      : facts_(facts), intern_(intern), unknown_{kUnknown, intern(kUnknown)}, parts_(parts) {
    for (std::size_t d = 0; d < kSingles; ++d) singles_[d] = value(single_text(static_cast<Dimension>(d)));
    lists_[0] = list_of(facts.tags);
    lists_[1] = list_of(facts.agent_tags);
    lists_[2] = list_of(facts.review_tags);
    lists_[3] = list_of(facts.moments);
    for (const Standing& e : facts.standing) all_.push_back(&e);
    parts_.session.clear();
    add_session(facts, parts_.session);
    parts_.whole = parts_.session;
    add_evaluations(all_, {}, parts_.whole);
    // With one human handler at most, the session's own handler is the only one with a credit.
    parts_.credited = parts_.whole;
    credit_alone(all_, parts_.credited);
  }

  void add(std::size_t set, const SetPlan& plan, AddCell add) {
    const bool one_handler = facts_.credits.size() <= 1;
    each(plan, nullptr, [&](std::span<const Value> values, Selected selected, std::string_view question) {
      const bool is_whole = selected.size() == all_.size() && question.empty();
      const bool with_credit = plan.of_handler && one_handler;
      if (is_whole) {
        add_part(set, values, with_credit ? parts_.credited : parts_.whole, with_credit ? kCredited : kWhole, add);
        return;
      }
      Measures gained = gain(selected, question);
      if (with_credit) credit_alone(selected, gained);
      add_part(set, values, gained, kOther, add);
    });
    if (plan.of_handler && !one_handler) add_credits(set, plan, add);
  }

 private:
  enum : std::uint32_t { kWhole, kCredited, kOther };

  void add_part(std::size_t set, std::span<const Value> values, const Measures& measures, std::uint32_t number,
                AddCell add) {
    add(set, values, {measures, number == kOther ? others_++ : number});
  }

  Value value(std::string_view text) const { return text == kUnknown ? unknown_ : Value{text, intern_(text)}; }

  std::string_view single_text(Dimension d) const {
    switch (d) {
      case Dimension::channel:
        return or_unknown(facts_.channel);
      case Dimension::department:
        return or_unknown(facts_.department);
      case Dimension::group:
        return or_unknown(facts_.group);
      case Dimension::agent:
        return or_unknown(facts_.agent);
      case Dimension::category:
        return or_unknown(facts_.category);
      case Dimension::category1:
        return or_unknown(std::string_view{facts_.category}.substr(0, facts_.category.find('/')));
      case Dimension::entity:
        return or_unknown(facts_.entity);
      case Dimension::bot:
        return or_unknown(facts_.bot);
      case Dimension::routing_version:
        return or_unknown(facts_.routing_version);
      default:
        return kUnknown;
    }
  }

  Values list_of(const List<state::Text>& texts) const {
    absl::InlinedVector<std::string_view, 4> sorted(texts.begin(), texts.end());
    std::transform(sorted.begin(), sorted.end(), sorted.begin(), or_unknown);
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    if (sorted.empty()) sorted.push_back(kUnknown);
    Values out;
    for (std::string_view text : sorted) out.push_back(value(text));
    return out;
  }

  Values evaluation_values(const Standing& e, Dimension d) const {
    switch (d) {
      case Dimension::survey:
        return {value(or_unknown(e.survey))};
      case Dimension::survey_version:
        return {value(or_unknown(e.version))};
      case Dimension::delay:
        return {value(or_unknown(e.delay))};
      case Dimension::language:
        return {value(or_unknown(e.language))};
      default:
        return list_of(e.questions);
    }
  }

  Value handler_value(const Credit& handler, Dimension d) const {
    return value(or_unknown(d == Dimension::agent   ? handler.agent
                            : d == Dimension::group ? handler.group
                                                    : handler.department));
  }

  Measures gain(Selected selected, std::string_view question) const {
    Measures m = parts_.session;
    add_evaluations(selected, question, m);
    return m;
  }

  static void add_evaluations(Selected selected, std::string_view question, Measures& m) {
    if (!selected.empty()) m.add(answered, 1);
    for (const Standing* e : selected) add_evaluation(*e, question, m);
  }

  void credit_alone(Selected selected, Measures& m) const {
    m.add(all_sessions, 1);
    add_credit(facts_.credits.size() == 1 ? facts_.credits[0].ms : 0, selected, m);
  }

  // Every combination of values with the evaluations that carry it and, where the set has questions, the one it is
  // about.
  template <class Use>
  void each(const SetPlan& plan, const Credit* handler, const Use& use) const {
    Values values(plan.dimensions.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Dimension d = plan.dimensions[i];
      if (handler != nullptr && is_of_handler(d)) {
        values[i] = handler_value(*handler, d);
      } else if (static_cast<std::size_t>(d) < kSingles) {
        values[i] = singles_[static_cast<std::size_t>(d)];
      }
    }
    if (plan.of_evaluation == 0) {
      fill(plan, values, 0, [&] { use(span_of(values), all_, {}); });
      return;
    }
    if (all_.size() <= 1 && each_of_one(plan, values, use)) return;
    for (const auto& [combination, selected] : selections(plan)) {
      std::string_view question;
      for (std::size_t i = 0, at = 0; i < values.size(); ++i) {
        if (!is_of_evaluation(plan.dimensions[i])) continue;
        values[i] = combination[at++];
        if (plan.dimensions[i] == Dimension::question && !selected.empty()) question = values[i].text;
      }
      if (all_questions_are(question)) question = {};
      // clang 14 captures no parts of a structured binding
      fill(plan, values, 0, [&, &chosen = selected] { use(span_of(values), chosen, question); });
    }
  }

  // The usual case, one evaluation at most and no two questions: every evaluation dimension has one value.
  template <class Use>
  bool each_of_one(const SetPlan& plan, Values& values, const Use& use) const {
    if (!all_.empty() && all_.front()->questions.size() > 1) return false;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!is_of_evaluation(plan.dimensions[i])) continue;
      values[i] = all_.empty() ? unknown_ : evaluation_values(*all_.front(), plan.dimensions[i]).front();
    }
    fill(plan, values, 0, [&] { use(span_of(values), all_, {}); });
    return true;
  }

  bool all_questions_are(std::string_view question) const {
    return std::all_of(all_.begin(), all_.end(), [&](const Standing* e) {
      return std::all_of(e->questions.begin(), e->questions.end(),
                         [&](std::string_view one) { return or_unknown(one) == question; });
    });
  }

  // Combinations of the evaluation dimensions → the standing evaluations that carry them; all unknown without one.
  std::vector<std::pair<Values, std::vector<const Standing*>>> selections(const SetPlan& plan) const {
    std::vector<std::pair<Values, std::vector<const Standing*>>> out;
    if (all_.empty()) {
      out.emplace_back(Values(plan.of_evaluation, unknown_), std::vector<const Standing*>{});
      return out;
    }
    for (const Standing* e : all_) {
      std::vector<Values> combinations{Values{}};
      for (Dimension d : plan.dimensions) {
        if (!is_of_evaluation(d)) continue;
        std::vector<Values> longer;
        const Values own = evaluation_values(*e, d);
        for (const Values& before : combinations) {
          for (const Value& one : own) longer.emplace_back(before).push_back(one);
        }
        combinations = std::move(longer);
      }
      for (Values& combination : combinations) {
        auto known = std::find_if(out.begin(), out.end(), [&](const auto& entry) {
          return std::equal(entry.first.begin(), entry.first.end(), combination.begin(),
                            [](const Value& a, const Value& b) { return a.text == b.text; });
        });
        if (known == out.end()) known = out.insert(known, {std::move(combination), {}});
        known->second.push_back(e);
      }
    }
    return out;
  }

  // Runs through the values of the dimensions that have several.
  template <class Done>
  void fill(const SetPlan& plan, Values& values, std::size_t from, const Done& done) const {
    for (std::size_t i = from; i < values.size(); ++i) {
      if (!is_several(plan.dimensions[i])) continue;
      for (const Value& one : lists_[static_cast<std::size_t>(plan.dimensions[i]) - kSingles]) {
        values[i] = one;
        fill(plan, values, i + 1, done);
      }
      return;
    }
    done();
  }

  // Handlers that share the set's values are one combination: its ms are summed, the session counts once.
  void add_credits(std::size_t set, const SetPlan& plan, AddCell add) {
    std::map<std::vector<std::string_view>, std::pair<Values, Measures>> combinations;
    for (const Credit& handler : facts_.credits) {
      each(plan, &handler, [&](std::span<const Value> values, Selected selected, std::string_view) {
        std::vector<std::string_view> texts;
        for (const Value& one : values) texts.push_back(one.text);
        auto [found, fresh] = combinations.try_emplace(std::move(texts));
        auto& [kept, sum] = found->second;
        Measures gained;
        add_credit(handler.ms, selected, gained);
        for (auto counter : {weighted_ms, weighted_csat_ms, weighted_csat_top_ms, weighted_csat_bottom_ms})
          sum.add(counter, gained.get(counter));
        if (!fresh) return;
        kept.assign(values.begin(), values.end());
        sum.add(all_sessions, 1);
        for (auto counter : {all_csat_n, all_csat_top, all_csat_bottom}) sum.add(counter, gained.get(counter));
      });
    }
    for (const auto& [texts, entry] : combinations) add_part(set, span_of(entry.first), entry.second, kOther, add);
  }

  const state::Facts& facts_;
  Intern intern_;
  Value unknown_;
  std::array<Value, kSingles> singles_;
  std::array<Values, kLists> lists_;
  std::vector<const Standing*> all_;
  Parts& parts_;
  std::uint32_t others_ = kOther;
};

}  // namespace

bool is_dimension(std::string_view name) { return std::find(kNames.begin(), kNames.end(), name) != kNames.end(); }

SetPlan::SetPlan(const DimensionSet& set) {
  for (const std::string& name : set)
    dimensions.push_back(static_cast<Dimension>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin()));
  of_evaluation = static_cast<std::size_t>(std::count_if(dimensions.begin(), dimensions.end(), is_of_evaluation));
  of_handler = std::any_of(dimensions.begin(), dimensions.end(), is_of_handler);
}

std::vector<SetPlan> plans_of(const std::vector<DimensionSet>& sets) {
  return std::vector<SetPlan>(sets.begin(), sets.end());
}

void contribute(const state::Facts& facts, std::span<const SetPlan> sets, Intern intern, AddCell add) {
  thread_local Parts parts;
  Spread spread{facts, intern, parts};
  for (std::size_t set = 0; set < sets.size(); ++set) spread.add(set, sets[set], add);
}

}  // namespace echoloop::sessions
