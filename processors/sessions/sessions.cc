#include "processors/sessions/sessions.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <map>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "pipeline/stage/row_ages.h"
#include "processors/sessions/ages.h"
#include "processors/sessions/counting.h"
#include "processors/sessions/dead_letters.h"
#include "processors/sessions/facts.h"
#include "processors/sessions/history.h"
#include "processors/sessions/recoveries.h"
#include "processors/sessions/red_lines.h"
#include "schemas/codec.h"
#include "schemas/session.h"
#include "schemas/state.pb.h"

namespace echoloop::sessions {
namespace {

// A session with more events than this is a runaway source; its further events are dead letters. Bounds the row.
constexpr std::size_t kEventsPerSession_max = 10'000;
// Sessions that one epoch recounts after a change of the counting rules.
constexpr int kRecountsPerEpoch_max = 20'000;
constexpr std::string_view kRecountRow = "recount";

std::string rules_of(const Domain& domain) {
  std::string rules;
  for (const Counting& counting : domain.counting) {
    put_key_time(rules, to_ms(counting.from));
    put_key_u64(rules, counting.hash);
  }
  return rules;
}

class Sessions final : public stage::Processor {
 public:
  explicit Sessions(std::shared_ptr<const CurrentDomain> current) : current_(std::move(current)) {}

  // A pass of recounting goes on where it stood; rules that were changed while echoloop stood still begin one.
  void begin(stage::Context& context) override {
    if (auto row = context.get(stage::Table::counting, kRecountRow);
        row && Reader{*row}.text() != rules_of(*current_->get()))
      context.go_on();
  }

  void process(const stage::Record& record, stage::Context& context) override {
    if (!domain_) domain_ = current_->get();
    switch (record.kind) {
      case stage::Kind::event:
        take_event(record, context);
        break;
      case stage::Kind::rejected:
        keep_rejected(record, context);
        break;
      case stage::Kind::dead_settled:
        settle(record, domain_->session_retention, context);
        context.hurry();  // a person waits for it
        break;
      case stage::Kind::tick:
        context.emit(stage::Topic::cases, record.kind, std::string(record.value), {});
        context.hurry();
        break;
      case stage::Kind::verdict:
        forward<state::Verdict>(record, context);
        break;
      case stage::Kind::digest:
        forward<state::Digest>(record, context);
        break;
      case stage::Kind::rows:
        context.emit(stage::Topic::cases, record.kind, std::string(record.key), std::string(record.value));
        break;
      case stage::Kind::reload:
        domain_ = current_->get();  // the epoch may have begun before it changed; end_epoch sees what did
        break;
      default:
        refuse(record, {}, "", fmt::format("a record of kind {} does not belong here", static_cast<int>(record.kind)),
               context);
    }
  }

  void end_epoch(stage::Context& context) override {
    if (!domain_) domain_ = current_->get();
    // By key, so that an epoch's outputs come in one order.
    std::vector<Open*> opened;
    for (Open& open : open_) opened.push_back(&open);
    std::sort(opened.begin(), opened.end(), [](const Open* a, const Open* b) { return a->key < b->key; });
    for (Open* open : opened) close_entry(*open, context);
    open_by_key_.clear();
    open_.clear();
    ages_.end_epoch(domain_->session_retention, context);
    row_ages_.expire(stage::Table::outcomes, "outcomes", domain_->session_retention, context);
    expire_settled(row_ages_, domain_->session_retention, context);
    recount(context);
    arena_.reset();
    normaliser_.trim();
    book_.flush(context);
    domain_.reset();
  }

 private:
  struct Open {
    std::string key, tenant, session_id;
    state::Session row;   // its texts and lists are in arena_ or bytes
    std::string bytes;    // as it was before this epoch
    bool fresh = false;   // no row before this epoch
    bool orphan = false;  // before this epoch
  };

  void take_event(const stage::Record& record, stage::Context& context) {
    auto event = decoder_.decode(record.value);
    if (!event) return keep_refused(record, {}, event.error(), context);
    if (record.foreign) {
      const auto time = event_time(*event);
      if (time && *time < record.at - domain_->session_retention)
        return refuse(record, tenant_of(*event), "",
                      fmt::format("beyond retention: {} is more than {} ago", format_time(*time),
                                  format_duration(domain_->session_retention)),
                      context);
    }
    if (!context.belongs(partition_key_of(*event))) {
      context.count("events_misplaced");
      return context.emit(stage::Topic::misplaced, stage::Kind::event, std::string(partition_key_of(*event)),
                          std::string(record.value));
    }
    if (domain_->strict_tenants && !domain_->tenants.contains(std::string(tenant_of(*event)))) {
      return refuse(record, tenant_of(*event), "/data/tenant",
                    fmt::format("tenant '{}' is not configured", tenant_of(*event)), context);
    }
    if (std::holds_alternative<TaskCommand>(event->data)) return forward_command(*event, record, context);
    if (std::holds_alternative<OutcomeObserved>(event->data)) return keep_outcome(*event, record, *domain_, context);
    Open& open = open_entry(tenant_of(*event), partition_key_of(*event), context);
    const Guard guard{*event, record.value};
    const Seen known = seen(open.row, guard);
    switch (known) {
      case Seen::same:
        context.count("events_duplicate");
        break;
      case Seen::different:
        context.count("events_different");
        break;
      case Seen::no:
        if (open.row.seen.size() / 16 >= kEventsPerSession_max) {
          return refuse(record, tenant_of(*event), "/data/session_id",
                        fmt::format("the session has {} events already", kEventsPerSession_max), context);
        }
        const state::Text customer = customer_of(open.row);
        enter(open.row, *event, record.at, arena_);
        context.count("events_applied");
        if (customer_of(open.row) != customer) tell_customer(*event, open.row, context);
        watch_red_lines(*event, record.at, *domain_, normaliser_, open.row, arena_, context);
    }
    remember(open.row, guard, known, record.place(), arena_);
    open.row.touched_at = to_ms(context.now());
  }

  static void refuse(const stage::Record& record, std::string_view tenant, std::string where, std::string reason,
                     stage::Context& context) {
    keep_refused(record, tenant, {Fault::bad_input, std::move(where), std::move(reason)}, context);
  }

  // To the shard of its tenant.
  template <class Message>
  static void forward(const stage::Record& record, stage::Context& context) {
    Message message;
    if (!message.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())))
      return refuse(record, {}, "", fmt::format("a {} that cannot be read", Message::descriptor()->name()), context);
    std::string key;
    put_key_text(key, message.tenant());
    context.emit(stage::Topic::cases, record.kind, std::move(key), std::string(record.value));
  }

  static void forward_command(const Event& event, const stage::Record& record, stage::Context& context) {
    std::string key;
    put_key_text(key, tenant_of(event));
    context.emit(stage::Topic::cases, stage::Kind::command, std::move(key), std::string(record.value));
    context.count("events_applied");
    context.hurry();
  }

  static void keep_outcome(const Event& event, const stage::Record& record, const Domain& domain,
                           stage::Context& context) {
    const auto& outcome = std::get<OutcomeObserved>(event.data);
    std::string key;
    put_key_text(key, outcome.tenant);
    put_key_text(key, outcome.name);
    put_key_time(key, to_ms(outcome.time));
    put_key_text(key, event.source);
    put_key_text(key, event.id);
    bool known = context.get(stage::Table::outcomes, key).has_value();
    context.count(known ? "events_duplicate" : "events_applied");
    if (known) return;
    context.put(stage::Table::outcomes, key, std::string(record.value));
    stage::RowAges::note(stage::Table::outcomes, key, domain.session_retention, context);
  }

  Open& open_entry(std::string_view tenant, std::string_view session_id, stage::Context& context) {
    std::string key = session_key(tenant, session_id);
    if (auto found = open_by_key_.find(key); found != open_by_key_.end()) return *found->second;
    auto row = context.get(stage::Table::sessions, key);
    Open& open = open_.emplace_back();
    open.key = std::move(key);
    open_by_key_.emplace(open.key, &open);
    open.tenant = tenant;
    open.session_id = session_id;
    open.fresh = !row;
    if (row) {
      open.bytes = std::move(*row);
      if (!state::parse(open.bytes, arena_, open.row)) throw unreadable();
    }
    open.orphan = !open.fresh && !open.row.close;
    return open;
  }

  // What the epoch changed in one session goes out: deltas, signals, index rows, the row itself.
  void close_entry(Open& open, stage::Context& context) {
    state::Session& row = open.row;
    if (row.close) {
      recount_session(open.tenant, open.session_id, row, context);
      if (open.fresh || open.orphan) context.count("sessions_closed");
    }
    bool orphan = !row.close;
    if (orphan != open.orphan) {
      context.count("orphans", orphan ? 1 : -1);
      if (orphan) {
        context.put(stage::Table::orphans, open.key, "");
      } else {
        context.erase(stage::Table::orphans, open.key);
      }
    }
    ages_.note(open.key, domain_->session_retention, row);
    context.put(stage::Table::sessions, open.key, bytes_of(row));
  }

  void recount_session(const std::string& tenant, const std::string& session_id, state::Session& row,
                       stage::Context& context) {
    const Counting& counting = domain_->counting_at(from_ms(row.close->closed_at));
    state::Facts after;
    facts_of(row, counting, domain_->zone_of(tenant), normaliser_, arena_, after);
    before_.clear();
    after_.clear();
    if (row.counted) state::put(row.facts, before_);
    state::put(after, after_);
    if (after_ != before_) {
      book_.change(tenant, session_id, row.counted ? &row.facts : nullptr, &after, counting, domain_, context);
      const std::int64_t old_time = row.facts.latest_submitted_at;
      if (old_time != after.latest_submitted_at) {
        if (old_time != 0) context.erase(stage::Table::feedback_index, feedback_key(tenant, old_time, session_id));
        if (after.latest_submitted_at != 0)
          context.put(stage::Table::feedback_index, feedback_key(tenant, after.latest_submitted_at, session_id), "");
      }
      row.facts = after;
      row.counted = true;
    }
    watch_recoveries(tenant, session_id, after, *domain_, row, arena_, context);
  }

  static stage::BrokenWorld unreadable() {
    return stage::BrokenWorld({Fault::world, "table sessions", "a row that cannot be read"});
  }

  static std::string bytes_of(const state::Session& row) {
    std::string out;
    out.reserve(512);
    state::put(row, out);
    return out;
  }

  // After a change of the counting rules every session that was counted by others is counted anew, some per epoch. The
  // row "recount" remembers the rules that all sessions obey and, while a pass runs, where it stands.
  void recount(stage::Context& context) {
    std::string rules = rules_of(*domain_);
    if (rules == obeyed_) return;
    std::string goal, cursor;
    if (auto row = context.get(stage::Table::counting, kRecountRow)) {
      Reader reader{*row};
      obeyed_ = reader.text();
      goal = reader.text();
      cursor = reader.text();
    }
    if (obeyed_ == rules) return;
    if (goal != rules) cursor.clear();
    std::map<std::string, std::string> stale;
    int left = kRecountsPerEpoch_max;
    std::string last;
    context.scan(stage::Table::sessions, cursor, "", [&](std::string_view key, std::string_view value) {
      last = std::string(key);
      state::Session row;
      if (!state::parse(value, arena_, row)) throw unreadable();
      if (row.close && row.counted && row.facts.counting != domain_->counting_at(from_ms(row.close->closed_at)).hash)
        stale.emplace(key, value);
      return --left > 0;
    });
    for (const auto& [key, bytes] : stale) {
      state::Session row;
      (void)state::parse(bytes, arena_, row);
      KeyReader reader{key};
      std::string tenant = reader.text(), session_id = reader.text();
      recount_session(tenant, session_id, row, context);
      context.put(stage::Table::sessions, key, bytes_of(row));
      context.count("sessions_recounted");
    }
    bool done = left > 0;
    if (done) obeyed_ = rules;
    std::string row;
    put_text(row, obeyed_);
    put_text(row, rules);
    put_text(row, done ? std::string{} : last + '\0');
    context.put(stage::Table::counting, kRecountRow, std::move(row));
    if (!done) context.go_on();
  }

  std::shared_ptr<const CurrentDomain> current_;
  std::shared_ptr<const Domain> domain_;  // of this epoch
  EventDecoder decoder_;
  Normaliser normaliser_;
  CountingBook book_;
  Ages ages_;
  stage::RowAges row_ages_;
  Arena arena_;                 // what the epoch holds of sessions
  std::string before_, after_;  // facts as bytes, to be compared
  std::deque<Open> open_;
  absl::flat_hash_map<std::string_view, Open*, TextHash, std::equal_to<>> open_by_key_;
  std::string obeyed_;  // counting rules that every session of this shard is known to be counted by
};

}  // namespace

stage::StageSpec sessions_stage(std::shared_ptr<const CurrentDomain> domain) {
  return {"sessions", {stage::Topic::events, stage::Topic::misplaced}, [domain](int) {
            return std::make_unique<Sessions>(domain);
          }};
}

Result<bool> recount_done(const stage::View& rows, int shard, const Domain& domain) {
  auto row = rows.get(stage::Table::counting, shard, kRecountRow);
  if (!row) return tl::make_unexpected(row.error());
  return !*row || Reader{**row}.text() == rules_of(domain);
}

std::string session_key(std::string_view tenant, std::string_view session_id) {
  std::string key;
  put_key_text(key, tenant);
  put_key_text(key, session_id);
  return key;
}

std::string feedback_key(std::string_view tenant, std::int64_t submitted_at_ms, std::string_view session_id) {
  std::string key;
  put_key_text(key, tenant);
  put_key_time(key, std::numeric_limits<std::int64_t>::max() - submitted_at_ms);
  put_key_text(key, session_id);
  return key;
}

}  // namespace echoloop::sessions
