#include "processors/casework/lifecycle.h"

#include <fmt/format.h>

#include <algorithm>

namespace echoloop::casework {
namespace {

using namespace task_state;
using enum ClockEffect;

constexpr Transition kTransitions[] = {
    {kOpened, "acknowledge", kAcknowledged, Kinds::all, start},
    {kOpened, "accept", kAccepted, Kinds::all, start},
    {kOpened, "reject", kOpened, Kinds::all, start},
    {kAcknowledged, "accept", kAccepted, Kinds::all, go_on},
    {kAcknowledged, "reject", kOpened, Kinds::all, start},
    {kAcknowledged, "hold", kOnHold, Kinds::all, stop},
    {kAccepted, "reject", kOpened, Kinds::all, start},
    {kAccepted, "start", kInProgress, Kinds::all, go_on},
    {kAccepted, "hold", kOnHold, Kinds::all, stop},
    {kInProgress, "hold", kOnHold, Kinds::all, stop},
    {kInProgress, "done", kDone, Kinds::all, start},
    {kOnHold, "resume", kWhereItWas, Kinds::all, resume},
    {kOnHold, "(limit of the hold)", kWhereItWas, Kinds::all, resume},
    {kDone, "tell_customer", kCustomerTold, Kinds::all, start},
    {kCustomerTold, "close", kClosed, Kinds::not_improvement, end},
    {kCustomerTold, "(at once)", kVerifying, Kinds::improvement, start},
    {kVerifying, "(verdict: improved)", kVerified, Kinds::improvement, end},
    {kVerifying, "(verdict: no evidence, worse)", kNotImproved, Kinds::improvement, start},
    {kVerifying, "(verdict: not enough data)", kNotEnoughData, Kinds::improvement, start},
    {kNotImproved, "reopen", kOpened, Kinds::improvement, start},
    {kNotImproved, "close", kClosed, Kinds::improvement, end},
    {kNotEnoughData, "reopen", kOpened, Kinds::improvement, start},
    {kNotEnoughData, "close", kClosed, Kinds::improvement, end},
    {kClosed, "reopen", kOpened, Kinds::all, start},
    {kClosed, "(cause returns in time)", kOpened, Kinds::improvement, start},
    {kVerified, "reopen", kOpened, Kinds::improvement, start},
    {kVerified, "(cause returns in time)", kOpened, Kinds::improvement, start},
    {kCancelled, "(evidence returns)", kOpened, Kinds::improvement, start},
};

// In every state that is no end; after the others, so that they are named last.
constexpr std::string_view kAnywhere[] = {"assign", "merge", "split", "comment"};

bool happens_by_itself(const Transition& row) { return row.command.starts_with('('); }

std::string name_of(Kinds kinds) {
  return kinds == Kinds::all ? "all" : kinds == Kinds::improvement ? "improvement" : "recovery, safety, praise";
}

std::string name_of(ClockEffect effect) {
  switch (effect) {
    case none:
      return "as it was";
    case go_on:
      return "goes on";
    case start:
      return "starts";
    case stop:
      return "stops";
    case resume:
      return "runs again";
    case end:
      return "ends";
  }
  return {};
}

std::string node_of(std::string_view state) { return std::string(state); }

}  // namespace

bool is_for(Kinds kinds, std::string_view kind) {
  return kinds == Kinds::all || (kinds == Kinds::improvement) == (kind == "improvement");
}

std::span<const Transition> transitions() { return kTransitions; }

std::vector<std::string> allowed_for(const state::Task& task) {
  std::vector<std::string> out;
  for (const Transition& row : kTransitions) {
    if (row.from == task.state() && !happens_by_itself(row) && is_for(row.kinds, task.kind()))
      out.emplace_back(row.command);
  }
  if (!is_end(task.state())) out.insert(out.end(), std::begin(kAnywhere), std::end(kAnywhere));
  return out;
}

const Transition* transition_of(const state::Task& task, std::string_view command) {
  for (const Transition& row : kTransitions) {
    if (row.from == task.state() && row.command == command && is_for(row.kinds, task.kind())) return &row;
  }
  static const Transition kSame{};
  const bool anywhere = std::find(std::begin(kAnywhere), std::end(kAnywhere), command) != std::end(kAnywhere);
  return anywhere && !is_end(task.state()) ? &kSame : nullptr;
}

bool is_end(std::string_view state) {
  return state == kClosed || state == kVerified || state == kRejected || state == kCancelled;
}

bool can_be_cancelled(std::string_view state) {
  return state == kOpened || state == kAcknowledged || state == kAccepted || state == kInProgress || state == kOnHold ||
         state == kDone;
}

bool can_be_reopened(std::string_view state) { return state == kClosed || state == kVerified || state == kCancelled; }

std::string lifecycle_page() {
  std::string table, diagram;
  for (const Transition& row : kTransitions) {
    const std::string_view to = row.to;
    table +=
        fmt::format("| {} | {} | {} | {} | {} |\n", row.from, row.command, to, name_of(row.kinds), name_of(row.clock));
    if (to == kWhereItWas) {
      for (std::string_view back : {kAcknowledged, kAccepted, kInProgress})
        if (!happens_by_itself(row))
          diagram += fmt::format("    {} --> {}: {}\n", node_of(row.from), back, row.command);
      continue;
    }
    diagram += fmt::format("    {} --> {}: {}\n", row.from, to, row.command);
  }
  return fmt::format(
      "| from | command | to | kinds | clock |\n|---|---|---|---|---|\n{}| any but {}, {}, {}, {} | {} | the same | "
      "all | as it was |\n"
      "| {} … {}, {} | (corrections take all evidence away) | {} | improvement | ends |\n\n"
      "```mermaid\nstateDiagram-v2\n    [*] --> {}\n{}```\n",
      table, kClosed, kVerified, kRejected, kCancelled, fmt::join(kAnywhere, ", "), kOpened, kInProgress, kDone,
      kCancelled, kOpened, diagram);
}

}  // namespace echoloop::casework
