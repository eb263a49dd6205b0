// Signals: one session, one task. Recovery (win a customer back) and safety (a red line).
#include <algorithm>

#include "processors/casework/casework.h"
#include "processors/casework/merging.h"
#include "processors/casework/open_customers.h"

namespace echoloop::casework {
namespace {

// What the configuration says about the rule; a rule that was removed meanwhile still opens its task, under its id.
struct RuleText {
  Bilingual title;
  Severity severity = Severity::high;
};

RuleText text_of(const state::CaseSignal& signal, const Domain& domain) {
  if (signal.kind() == state::CaseSignal::SAFETY) {
    for (const RedLine& rule : domain.red_lines) {
      if (rule.id == signal.rule()) return {rule.title, Severity::critical};
    }
    return {{signal.rule(), signal.rule()}, Severity::critical};
  }
  for (const RecoveryRule& rule : domain.recoveries) {
    if (rule.id == signal.rule()) return {rule.title, rule.severity};
  }
  return {{signal.rule(), signal.rule()}, Severity::high};
}

}  // namespace

void take_signal(const state::CaseSignal& signal, const Domain& domain, CaseBook& book, stage::Context& context) {
  std::string id = session_task_id(signal.tenant(), signal.rule(), signal.session_id());
  state::Task* task = book.find(signal.tenant(), id, context);
  if (task == nullptr) {
    if (!signal.holds()) return;
    RuleText text = text_of(signal, domain);
    NewTask fresh;
    fresh.id = id;
    fresh.tenant = signal.tenant();
    fresh.kind = signal.kind() == state::CaseSignal::SAFETY ? "safety" : "recovery";
    fresh.rule = signal.rule();
    fresh.rule_version = signal.rule_version();
    fresh.title = text.title;
    fresh.severity = text.severity;
    fresh.properties.insert(signal.properties().begin(), signal.properties().end());
    for (const std::string& tag : signal.tags()) fresh.properties.emplace("tag", tag);
    fresh.session_id = signal.session_id();
    fresh.customer_id = signal.customer_id();
    fresh.event_time = from_ms(signal.event_time());
    state::Task& opened = book.open(fresh, context);
    set_evidence(opened, 1, {signal.session_id()}, book, context);
    return;
  }
  if (signal.holds() && !signal.customer_id().empty() && signal.customer_id() != task->customer_id()) {
    if (!is_end(task->state())) erase_open_issue(*task, context);
    task->set_customer_id(signal.customer_id());
    if (!is_end(task->state())) put_open_issue(*task, context);
    book.touch(*task, context);
  }
  if (task->evidence_withdrawn() == !signal.holds()) return;
  task->set_evidence_withdrawn(!signal.holds());
  set_evidence(*task, signal.holds() ? 1 : 0, {signal.session_id()}, book, context);
  book.write(*task, history("echoloop", signal.holds() ? "evidence_returned" : "evidence_withdrawn"), News::changed,
             context);
}

}  // namespace echoloop::casework
