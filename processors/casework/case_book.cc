#include "processors/casework/case_book.h"

#include <algorithm>
#include <limits>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "processors/casework/clocks.h"
#include "processors/casework/merging.h"
#include "processors/casework/open_customers.h"
#include "processors/casework/task_lists.h"
#include "processors/casework/task_log.h"
#include "schemas/task_json.h"

namespace echoloop::casework {
namespace {

// What lies further back than this at arrival opens tasks but sends no notice.
constexpr std::int64_t kStaleAfter_ms = kDay_ms;
// A task that lives on keeps its newest history; evidence growth is in the count anyway.
constexpr int kHistory_max = 500;

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

std::string hashed_id(const std::string& key) { return to_hex(hash128(key)); }

// Evidence that went and came back within an epoch leaves nothing but its time.
bool is_as_before(std::optional<state::Task> before, const state::Task& task) {
  if (!before) return false;
  before->set_updated_at(task.updated_at());
  return before->SerializeAsString() == task.SerializeAsString();
}

std::optional<state::Task> parsed(const std::string& row) {
  state::Task task;
  if (row.empty() || !task.ParseFromString(row)) return std::nullopt;
  return task;
}

template <class Pairs>
void add_properties(const Pairs& pairs, google::protobuf::RepeatedPtrField<state::Property>& out) {
  for (const auto& [name, value] : pairs) {
    state::Property& property = *out.Add();
    property.set_name(name);
    property.set_value(value);
  }
}

// Who has the task now has had it on hold since the hold began, or since it was given to them.
void count_hold(state::Task& task, Time now) {
  if (task.holdings_size() == 0) return;
  state::Holding& holding = *task.mutable_holdings(task.holdings_size() - 1);
  holding.set_on_hold_ms(holding.on_hold_ms() + to_ms(now) - std::max(task.hold().since(), holding.from()));
}

// Word and type of the event.
std::string_view word_of(News news, const state::Task& task) {
  switch (news) {
    case News::reminded:
      return "reminded";
    case News::handed_over:
      return "handed_over";
    case News::escalated:
      return "escalated";
    case News::opened:
      return "opened";
    case News::closed:
      return is_end(task.state()) ? "closed" : "opened";  // it ended and came back
    case News::verified:
      return "verified";
    case News::none:
    case News::changed:
      break;
  }
  return "changed";
}

}  // namespace

state::Task* CaseBook::find(std::string_view tenant, std::string_view id, stage::Context& context) {
  std::string key = task_key(tenant, id);
  if (auto open = open_.find(key); open != open_.end()) return &open->second.task;
  auto row = context.get(stage::Table::tasks, key);
  if (!row) return nullptr;
  Open& open = open_[key];
  if (!open.task.ParseFromString(*row))
    throw stage::BrokenWorld({Fault::world, "table tasks", "a row that cannot be read"});
  open.before = std::move(*row);
  // Of a former version, which knew no clocks.
  if (open.task.clock().by() == 0 && !waits_for(open.task).empty()) {
    open.task.mutable_clock()->set_from(open.task.opened_at());
    start_clock(open.task, *domain_, from_ms(open.task.state_since()));
  }
  return &open.task;
}

CaseBook::Open& CaseBook::entry_of(const state::Task& task) { return open_.at(task_key(task.tenant(), task.id())); }

state::Task& CaseBook::open(const NewTask& from, stage::Context& context) {
  state::Task& task = open_[task_key(from.tenant, from.id)].task;
  task.set_id(from.id);
  task.set_tenant(from.tenant);
  task.set_kind(from.kind);
  task.set_severity(static_cast<int>(from.severity));
  task.set_title_zh(from.title.zh);
  task.set_title_en(from.title.en);
  task.set_rule(from.rule);
  task.set_rule_version(from.rule_version);
  for (const std::string& dimension : from.dimensions) task.add_dimensions(dimension);
  for (const std::string& value : from.scope) task.add_scope(value);
  task.set_session_id(from.session_id);
  task.set_customer_id(from.customer_id);
  task.set_opened_at(to_ms(now(context)));
  hear_of(task, from.event_time, context);
  RoutingProperties asked = from.properties;
  complete(asked, from.kind, from.rule, from.severity, *domain_);
  Domain::Routed routed = domain_->route(asked, now(context));
  add_properties(asked, *task.mutable_asked());
  add_properties(routed.match, *task.mutable_matched());
  task.set_routing_version(routed.version);
  for (const std::string& department : routed.departments) task.add_departments(department);
  begin_life(task, routed.departments.front(), context);
  context.put(stage::Table::task_index, task_index_key(from.tenant, task.opened_at(), from.id), "");
  context.count("tasks_opened");
  state::HistoryEntry entry = history("echoloop", "opened", {}, task.department());
  entry.set_to(std::string(task_state::kOpened));
  write(task, std::move(entry), News::opened, context);
  return task;
}

void CaseBook::hear_of(state::Task& task, Time event_time, const stage::Context& context) {
  if (to_ms(now(context)) - to_ms(event_time) <= kStaleAfter_ms) task.set_notify(true);
}

void CaseBook::begin_life(state::Task& task, const std::string& department, stage::Context& context) {
  give_to(task, department, context);
  start_deadlines(task, *domain_, now(context));
  note_contact(task, now(context));
  move_to(task, task_state::kOpened, ClockEffect::start, context);
  put_open_issue(task, context);
}

void CaseBook::revive(state::Task& task, std::string who, std::string why, stage::Context& context) {
  state::HistoryEntry entry = history(std::move(who), "reopened", std::move(why));
  entry.set_from(task.state());
  entry.set_to(std::string(task_state::kOpened));
  leave_merged(task, *this, context);
  task.clear_rejected_by();
  task.clear_told();
  task.clear_ended_at();
  begin_life(task, next_department(task, *domain_).value_or(std::string(kTriage)), context);
  write(task, std::move(entry), News::opened, context);
}

void CaseBook::give_to(state::Task& task, const std::string& department, stage::Context& context) {
  task.set_department(department);
  auto known = domain_->departments.find(department);
  task.set_person(known == domain_->departments.end() ? std::string{} : known->second.lead);
  state::Holding* last = task.holdings_size() > 0 ? task.mutable_holdings(task.holdings_size() - 1) : nullptr;
  const bool has_it = last != nullptr && last->to() == 0;
  if (has_it && last->department() == department) return;
  log_task(task, kCame, task.kind(), now(context), context);
  const bool had_it_no_time = has_it && last->from() == to_ms(now(context));
  if (has_it) {
    if (task.has_hold()) count_hold(task, now(context));
    last->set_to(to_ms(now(context)));
  }
  state::Holding& holding = had_it_no_time ? *last : *task.add_holdings();
  holding.Clear();
  holding.set_department(department);
  if (known != domain_->departments.end()) holding.set_entity(known->second.entity);
  holding.set_from(to_ms(now(context)));
}

void CaseBook::move_to(state::Task& task, std::string_view state, ClockEffect clock, stage::Context& context) {
  const Time at = now(context);
  task.set_state(std::string(state));
  task.set_state_since(to_ms(at));
  if (clock == ClockEffect::start) start_clock(task, *domain_, at);
  if (clock == ClockEffect::stop) stop_clock(task, *domain_, at);
  if (clock != ClockEffect::end) return;
  end_clock(task, at);
  log_task(task, kEnded, state, at, context);
  entry_of(task).news = std::max(entry_of(task).news, News::closed);
  if (task.has_hold()) count_hold(task, at);
  task.clear_hold();
  erase_open_issue(task, context);
  if (task.holdings_size() > 0) task.mutable_holdings(task.holdings_size() - 1)->set_to(to_ms(at));
  end_merged(task, *this, context);
}

void CaseBook::put_on_hold(state::Task& task, std::string reason, std::int64_t until_ms, stage::Context& context) {
  state::Hold& hold = *task.mutable_hold();
  hold.set_state(task.state());
  hold.set_reason(std::move(reason));
  hold.set_since(to_ms(now(context)));
  hold.set_until(until_ms);
  move_to(task, task_state::kOnHold, ClockEffect::stop, context);
}

void CaseBook::take_from_hold(state::Task& task, stage::Context& context) {
  const state::Hold hold = task.hold();
  count_hold(task, now(context));
  task.clear_hold();
  move_to(task, hold.state(), ClockEffect::resume, context);
  resume_clock(task, *domain_, from_ms(hold.since()), now(context));
}

void CaseBook::write(state::Task& task, state::HistoryEntry entry, News telling, stage::Context& context) {
  entry.set_at(to_ms(now(context)));
  *task.add_history() = std::move(entry);
  if (task.history_size() > kHistory_max) task.mutable_history()->DeleteSubrange(1, task.history_size() - kHistory_max);
  task.set_version(task.version() + 1);
  Open& open = entry_of(task);
  open.news = std::max(open.news, telling);
  touch(task, context);
}

void CaseBook::touch(state::Task& task, stage::Context& context) {
  task.set_updated_at(to_ms(now(context)));
  timers_.set(task, next_timer_ms(task, *domain_), context);
  task.mutable_clock()->set_waits_for(std::string(waits_for(task)));
  task.set_overdue(is_overdue(task, now(context) + Duration{1}));
  Open& open = entry_of(task);
  open.changed = true;
  open.news = std::max(open.news, News::changed);
}

void CaseBook::let_happen(stage::Context& context) {
  while (auto due = timers_.next(context.now(), context)) {
    state::Task* task = find(due->tenant, due->id, context);
    if (task == nullptr || task->clock().timer() != due->at_ms) {
      timers_.forget(*due, context);
      continue;
    }
    due_ = from_ms(due->at_ms);
    fire(*task, *due_, *domain_, *this, context);
    due_.reset();
  }
}

void CaseBook::bring_up_to_date(std::string_view tenant, std::string_view id, stage::Context& context) {
  state::Task* task = find(tenant, id, context);
  if (task == nullptr || task->listed()) return;
  timers_.set(*task, next_timer_ms(*task, *domain_), context);
  task->set_overdue(is_overdue(*task, now(context) + Duration{1}));
  if (!is_end(task->state())) put_open_issue(*task, context);
  entry_of(*task).renewed = true;
}

void CaseBook::flush(stage::Context& context) {
  OpenCustomers customers;
  for (auto& [key, open] : open_) {
    if (!open.changed && !open.renewed) continue;
    const std::optional<state::Task> before = parsed(open.before);
    const bool told = open.changed && !is_as_before(before, open.task);
    if (!told && !open.renewed) continue;
    if (told) open.task.set_events(open.task.events() + 1);
    put_on_list(open.task, before, context);
    context.put(stage::Table::tasks, key, open.task.SerializeAsString());
    customers.note(before, open.task);
    if (told)
      context.emit(stage::Topic::tasks, stage::Kind::task, open.task.id(),
                   task_event_json(open.task, word_of(open.news, open.task)));
  }
  customers.tell(context);
  open_.clear();
}

std::optional<std::string> next_department(const state::Task& task, const Domain& domain) {
  const auto refused = [&](std::string_view one) {
    return std::find(task.rejected_by().begin(), task.rejected_by().end(), one) != task.rejected_by().end();
  };
  if (refused(kTriage)) return std::nullopt;
  for (const std::string& department : task.departments()) {
    if (domain.departments.contains(department) && !refused(department)) return department;
  }
  return std::string(kTriage);
}

void complete(RoutingProperties& properties, const std::string& kind, const std::string& rule, Severity severity,
              const Domain& domain) {
  for (const Tag& tag : domain.tags) {
    const auto [first, last] = properties.equal_range("tag");
    if (std::any_of(first, last, [&](const auto& property) { return property.second == tag.id; }))
      properties.emplace("moment", tag.moment);
  }
  properties.emplace("kind", kind);
  properties.emplace("rule", rule);
  properties.emplace("severity", name_of(severity));
}

std::string asked_as(const std::string& dimension) {
  if (dimension == "category1") return "category";
  return dimension.ends_with("tag") ? "tag" : dimension;
}

std::string tenant_key(std::string_view tenant) {
  std::string key;
  put_key_text(key, tenant);
  return key;
}

std::string task_key(std::string_view tenant, std::string_view id) {
  std::string key = tenant_key(tenant);
  put_key_text(key, id);
  return key;
}

std::string task_index_key(std::string_view tenant, std::int64_t opened_at_ms, std::string_view id) {
  std::string key;
  put_key_text(key, tenant);
  put_key_time(key, std::numeric_limits<std::int64_t>::max() - opened_at_ms);
  put_key_text(key, id);
  return key;
}

std::string cause_task_id(std::string_view tenant, std::string_view rule, const std::vector<std::string>& scope,
                          int ordinal) {
  std::string key;
  put_key_text(key, tenant);
  put_key_text(key, rule);
  for (const std::string& value : scope) put_key_text(key, value);
  put_key_u32(key, static_cast<std::uint32_t>(ordinal));
  return hashed_id(key);
}

std::string session_task_id(std::string_view tenant, std::string_view rule, std::string_view session_id) {
  std::string key;
  put_key_text(key, tenant);
  put_key_text(key, rule);
  put_key_text(key, session_id);
  return hashed_id(key);
}

std::string command_key(std::string_view source, std::string_view id) {
  std::string key;
  put_key_text(key, source);
  put_key_text(key, id);
  return key;
}

Bilingual filled_title(const Bilingual& title, const std::vector<std::string>& dimensions,
                       const std::vector<std::string>& scope, const Domain& domain) {
  Bilingual out = title;
  for (std::size_t i = 0; i < dimensions.size() && i < scope.size(); ++i) {
    Bilingual value{scope[i], scope[i]};
    if (dimensions[i].ends_with("tag")) {
      auto tag = std::find_if(domain.tags.begin(), domain.tags.end(), [&](const Tag& t) { return t.id == scope[i]; });
      if (tag != domain.tags.end()) value = tag->name;
    }
    replace_all(out.zh, "{" + dimensions[i] + "}", value.zh);
    replace_all(out.en, "{" + dimensions[i] + "}", value.en);
  }
  return out;
}

state::HistoryEntry history(std::string who, std::string what, std::string why, std::string detail) {
  state::HistoryEntry entry;
  entry.set_who(std::move(who));
  entry.set_what(std::move(what));
  entry.set_why(std::move(why));
  entry.set_detail(std::move(detail));
  return entry;
}

}  // namespace echoloop::casework
