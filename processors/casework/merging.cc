#include "processors/casework/merging.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "processors/casework/lifecycle.h"

namespace echoloop::casework {
namespace {

// So that no task reads many others whenever its evidence grows.
constexpr int kMerged_max = 100;

// The smallest by hash of its own sessions and those of the tasks merged into it.
void choose_sample(state::Task& task, const std::vector<std::string>& own, CaseBook& book, stage::Context& context) {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  for (const std::string& session : own) all.emplace_back(hash64(session), session);
  for (const std::string& id : task.merged()) {
    const state::Task* other = book.find(task.tenant(), id, context);
    if (other == nullptr) continue;
    for (const std::string& session : other->sample()) all.emplace_back(hash64(session), session);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (all.size() > kSample_max) all.resize(kSample_max);
  task.clear_sample();
  for (const auto& [hash, session] : all) task.add_sample(session);
}

std::vector<std::string> sample_of(const state::Task& task) { return {task.sample().begin(), task.sample().end()}; }

void count_for(state::Task& into, std::int64_t more, CaseBook& book, stage::Context& context) {
  into.set_merged_count(into.merged_count() + more);
  into.set_count(into.count() + more);
  choose_sample(into, sample_of(into), book, context);
}

}  // namespace

std::string merge(state::Task& task, std::string_view into_id, std::string_view by, CaseBook& book,
                  stage::Context& context) {
  if (into_id == task.id()) return "a task cannot be merged into itself";
  if (!task.merged_into().empty()) return fmt::format("it is merged into task '{}' already", task.merged_into());
  if (task.merged_size() > 0) return "other tasks are merged into it";
  state::Task* into = book.find(task.tenant(), into_id, context);
  if (into == nullptr) return fmt::format("there is no task '{}'", into_id);
  if (is_end(into->state())) return fmt::format("task '{}' is {}", into_id, into->state());
  if (into->kind() != task.kind())
    return fmt::format("task '{}' is one of {}, this one of {}", into_id, into->kind(), task.kind());
  if (into->kind() != "improvement" && into->customer_id() != task.customer_id())
    return fmt::format("task '{}' is about another customer, who must be told too", into_id);
  if (!into->merged_into().empty())
    return fmt::format("task '{}' is itself merged into task '{}'", into_id, into->merged_into());
  if (into->merged_size() >= kMerged_max) return fmt::format("{} tasks are merged into it already", kMerged_max);
  task.set_merged_into(into->id());
  into->add_merged(task.id());
  count_for(*into, task.count(), book, context);
  book.write(*into, history(std::string(by), "merged", {}, task.id()), News::changed, context);
  return {};
}

std::string split(state::Task& task, std::vector<std::string> sessions, std::string_view by, CaseBook& book,
                  stage::Context& context, std::string& made) {
  if (!task.session_id().empty()) return "it is about one session";
  if (!task.merged_into().empty()) return fmt::format("it is merged into task '{}'", task.merged_into());
  std::sort(sessions.begin(), sessions.end());
  sessions.erase(std::unique(sessions.begin(), sessions.end()), sessions.end());
  std::string key;
  put_key_text(key, task.tenant());
  put_key_text(key, task.id());
  for (const std::string& session : sessions) {
    if (std::find(task.sample().begin(), task.sample().end(), session) == task.sample().end())
      return fmt::format("session '{}' is none of its sample", session);
    put_key_text(key, session);
  }
  made = to_hex(hash128(key));
  if (book.find(task.tenant(), made, context) != nullptr) return fmt::format("that is task '{}' already", made);
  NewTask fresh;
  fresh.id = made;
  fresh.tenant = task.tenant();
  fresh.kind = task.kind();
  fresh.rule = task.rule();
  fresh.rule_version = task.rule_version();
  fresh.title = {task.title_zh(), task.title_en()};
  fresh.severity = static_cast<Severity>(task.severity());
  fresh.dimensions = {task.dimensions().begin(), task.dimensions().end()};
  fresh.scope = {task.scope().begin(), task.scope().end()};
  for (const state::Property& one : task.asked()) fresh.properties.emplace(one.name(), one.value());
  fresh.event_time = book.now(context);
  state::Task& opened = book.open(fresh, context);
  opened.set_split_from(task.id());
  opened.set_tier(task.tier());
  if (opened.department() != task.department()) book.give_to(opened, task.department(), context);
  set_evidence(opened, static_cast<std::int64_t>(sessions.size()), sessions, book, context);
  book.write(opened, history(std::string(by), "split", {}, task.id()), News::opened, context);
  return {};
}

void set_evidence(state::Task& task, std::int64_t count, const std::vector<std::string>& sample, CaseBook& book,
                  stage::Context& context) {
  const std::int64_t before = task.count();
  task.set_count(count + task.merged_count());
  choose_sample(task, sample, book, context);
  if (task.merged_into().empty()) return;
  state::Task* into = book.find(task.tenant(), task.merged_into(), context);
  if (into == nullptr || task.count() == before) return;
  count_for(*into, task.count() - before, book, context);
  book.touch(*into, context);
}

void end_merged(const state::Task& task, CaseBook& book, stage::Context& context) {
  for (const std::string& id : task.merged()) {
    state::Task* other = book.find(task.tenant(), id, context);
    if (other == nullptr || is_end(other->state())) continue;
    state::HistoryEntry entry = history("echoloop", "ended with", {}, task.id());
    entry.set_from(other->state());
    entry.set_to(task.state());
    if (task.has_told()) *other->mutable_told() = task.told();
    book.move_to(*other, task.state(), ClockEffect::end, context);
    book.write(*other, std::move(entry), News::changed, context);
  }
}

void leave_merged(state::Task& task, CaseBook& book, stage::Context& context) {
  if (task.merged_into().empty()) return;
  if (state::Task* into = book.find(task.tenant(), task.merged_into(), context)) {
    auto& merged = *into->mutable_merged();
    merged.erase(std::remove(merged.begin(), merged.end(), task.id()), merged.end());
    // Which of these were its own too it says when its evidence changes next.
    auto& sample = *into->mutable_sample();
    const auto leaves = [&](const std::string& session) {
      return std::find(task.sample().begin(), task.sample().end(), session) != task.sample().end();
    };
    sample.erase(std::remove_if(sample.begin(), sample.end(), leaves), sample.end());
    count_for(*into, -task.count(), book, context);
    book.touch(*into, context);
  }
  task.clear_merged_into();
}

}  // namespace echoloop::casework
