#include "tests/processors/casework_play.h"

#include <utility>

#include "processors/casework/case_book.h"
#include "schemas/codec.h"

namespace echoloop::casework {
namespace {

constexpr const char* kTenant = "acme";
constexpr Time kStart = from_ms(1'772'409'600'000);  // 2026-03-02T00:00:00Z, a Monday
constexpr const char* kRule = "unhappy";

}  // namespace

std::optional<std::string> MemoryRows::get(stage::Table table, std::string_view key) {
  auto found = rows[table].find(key);
  return found == rows[table].end() ? std::nullopt : std::optional{found->second};
}

void MemoryRows::scan(stage::Table table, std::string_view from, std::string_view to, const stage::RowVisitor& visit) {
  auto& of_table = rows[table];
  for (auto row = of_table.lower_bound(from); row != of_table.end() && (to.empty() || row->first < to); ++row) {
    if (!visit(row->first, row->second)) return;
  }
}

CaseworkPlay::CaseworkPlay(std::shared_ptr<const Domain> domain) : domain_(std::move(domain)) {
  rows.time = kStart;
  stage_ = casework_stage(std::make_shared<CurrentDomain>(domain_)).make(0);
}

void CaseworkPlay::restart() {
  stage_ = casework_stage(std::make_shared<CurrentDomain>(domain_)).make(0);
  rows.goes_on = false;
  stage_->begin(rows);
  while (std::exchange(rows.goes_on, false)) stage_->end_epoch(rows);
}

void CaseworkPlay::process(stage::Kind kind, const std::string& value) {
  stage::Record record;
  record.kind = kind;
  record.key = kTenant;
  record.value = value;
  record.at = rows.time;
  record.offset = ++offset_;
  stage_->process(record, rows);
  stage_->end_epoch(rows);
}

std::string CaseworkPlay::open(const std::string& kind, const std::string& name) {
  if (kind == "improvement") {
    find(name, 0, 1);
    return cause_task_id(kTenant, kRule, {name}, 0);
  }
  if (kind == "praise") {
    CaseBook book;
    book.begin(*domain_);
    NewTask fresh;
    fresh.id = session_task_id(kTenant, kind, name);
    fresh.tenant = kTenant;
    fresh.kind = kind;
    fresh.rule = kind;
    fresh.event_time = rows.time;
    book.open(fresh, rows).set_count(1);
    book.flush(rows);
    restart();  // it knows nothing of what another one has written
    return fresh.id;
  }
  signal(kind, name, true);
  return session_task_id(kTenant, kind == "safety" ? "danger" : "low", name);
}

void CaseworkPlay::find(const std::string& cause, int day, std::int64_t evidence) {
  state::Finding finding;
  finding.set_tenant(kTenant);
  finding.set_rule(kRule);
  finding.add_scope(cause);
  finding.set_window_start(to_ms(kStart) + day * kDay_ms);
  finding.set_window_end(to_ms(kStart) + (day + 1) * kDay_ms);
  finding.set_level(evidence > 0 ? 1 : 0);
  finding.set_evidence(evidence);
  finding.set_numerator(evidence);
  finding.set_n(evidence);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(evidence, 3); ++i)
    finding.add_sample(cause + "-" + std::to_string(day) + "-" + std::to_string(i));
  process(stage::Kind::finding, finding.SerializeAsString());
}

void CaseworkPlay::signal(const std::string& kind, const std::string& session, bool holds) {
  state::CaseSignal signal;
  signal.set_kind(kind == "safety" ? state::CaseSignal::SAFETY : state::CaseSignal::RECOVERY);
  signal.set_tenant(kTenant);
  signal.set_rule(kind == "safety" ? "danger" : "low");
  signal.set_session_id(session);
  signal.set_customer_id(session.starts_with("stranger") ? session : "c1");
  signal.set_holds(holds);
  signal.set_event_time(to_ms(rows.time));
  process(stage::Kind::case_signal, signal.SerializeAsString());
}

state::CommandResult CaseworkPlay::command(const std::string& task, TaskCommand command) {
  command.tenant = kTenant;
  command.task_id = task;
  if (command.by.empty()) command.by = "li";
  Event event;
  event.source = kApiSource;
  const std::string id = std::to_string(offset_ + 1);
  event.id = id;
  event.data = command;
  std::string text;
  encode(event, text);
  process(stage::Kind::command, text);
  state::CommandResult result;
  auto& results = rows.rows[stage::Table::command_results];
  result.ParseFromString(results.at(command_key(kApiSource, id)));
  results.clear();
  return result;
}

void CaseworkPlay::verdict(const std::string& task, const std::string& verdict, std::int64_t asked_at) {
  state::Verdict out;
  out.set_tenant(kTenant);
  out.set_task_id(task);
  out.set_asked_at(asked_at);
  out.mutable_verification()->set_verdict(verdict);
  process(stage::Kind::verdict, out.SerializeAsString());
}

void CaseworkPlay::pass(Duration time) {
  rows.time += time;
  process(stage::Kind::tick, {});
}

state::Task CaseworkPlay::task(const std::string& id) const {
  state::Task out;
  out.ParseFromString(rows.rows.at(stage::Table::tasks).at(task_key(kTenant, id)));
  return out;
}

TaskCommand full_command(std::string_view name, Time now) {
  TaskCommand out;
  out.command = name;
  if (name == "reject" || name == "hold" || name == "close" || name == "reopen") out.reason = "because";
  if (name == "hold") out.until = now + Duration{kDay_ms};
  if (name == "start") {
    out.action_type = "process";
    out.effective_from = now;
  }
  if (name == "tell_customer") {
    out.how = "phone";
    out.customers = {"c1", "c2"};
  }
  if (name == "assign") out.person = "wang";
  if (name == "comment") out.text = "a word";
  if (name == "merge") out.into = "nowhere";
  if (name == "split") out.sessions = {"nowhere"};
  return out;
}

}  // namespace echoloop::casework
