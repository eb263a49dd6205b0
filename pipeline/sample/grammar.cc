#include "pipeline/sample/grammar.h"

#include <set>
#include <vector>

namespace echoloop::sample {
namespace {

// What fills each slot, one word for the whole comment: a customer speaks of one thing.
using Filling = std::vector<std::string_view>;

void append_filled(std::string& out, std::string_view pattern, std::span<const Slot> slots, const Filling& words) {
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    out.append(pattern.substr(0, open));
    if (open == std::string_view::npos) return;
    const std::size_t close = pattern.find('}', open);
    const std::string_view name = pattern.substr(open + 1, close - open - 1);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].name == name) out.append(words[i]);
    }
    pattern.remove_prefix(close + 1);
  }
}

}  // namespace

std::string compose(Dice& dice, Topic topic, const Grammar& grammar) {
  const std::span<const std::string_view> body = grammar.bodies[static_cast<std::size_t>(topic)];
  const bool complaint = topic < Topic::shock;
  const bool praise = topic > Topic::shock && topic < Topic::neutral;
  Filling words;
  for (const Slot& slot : grammar.slots) words.push_back(dice.one_of(slot.words));
  std::string text;
  if (complaint && dice.per_mille(180)) text += dice.one_of(grammar.complaint_leads);
  const std::string_view first = dice.one_of(body);
  append_filled(text, first, grammar.slots, words);
  if ((complaint || praise) && dice.per_mille(250)) {
    const std::string_view second = dice.one_of(body);
    if (second != first) {
      text += grammar.between;
      append_filled(text, second, grammar.slots, words);
    }
  }
  if (complaint && dice.per_mille(300)) text.append(grammar.between).append(dice.one_of(grammar.complaint_tails));
  if (praise && dice.per_mille(350)) text.append(grammar.between).append(dice.one_of(grammar.praise_tails));
  return text;
}

std::size_t count_patterns(std::span<const std::span<const std::string_view>> bodies) {
  std::set<std::string_view> patterns;
  for (const auto& body : bodies) patterns.insert(body.begin(), body.end());
  return patterns.size();
}

}  // namespace echoloop::sample
