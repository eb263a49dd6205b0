// How a comment is put together out of phrases: perhaps a lead, one or two sentences about the topic, perhaps a tail;
// {slots} are filled with words.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "pipeline/sample/dice.h"
#include "pipeline/sample/verbatims.h"

namespace echoloop::sample {

struct Slot {
  std::string_view name;
  std::span<const std::string_view> words;
};

struct Grammar {
  std::span<const std::span<const std::string_view>> bodies;  // by Topic
  std::span<const Slot> slots;
  std::span<const std::string_view> complaint_leads, complaint_tails, praise_tails;
  std::string_view between;  // sentences
};

std::string compose(Dice& dice, Topic topic, const Grammar& grammar);
std::size_t count_patterns(std::span<const std::span<const std::string_view>> bodies);

}  // namespace echoloop::sample
