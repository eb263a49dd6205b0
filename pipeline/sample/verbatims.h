// What customers write: comments out of phrase grammars, and tags in the many ways that people write one. Pure
// functions of the dice.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/sample/dice.h"

namespace echoloop::sample {

// What a comment or a tag is about. The first ones are reasons to be dissatisfied.
enum class Topic {
  late_delivery,
  lost_parcel,
  damaged,
  quality,
  refund,
  login,
  invoice,
  claim,
  policy,
  wrong_queue,
  long_wait,
  slow_reply,
  bad_attitude,
  not_understood,
  cannot_help,
  no_closing,
  shock,  // the red line; nothing else uses its words
  friendly,
  quick,
  solved,
  neutral,
};

std::string comment_zh(Dice& dice, Topic topic);
std::string comment_en(Dice& dice, Topic topic);

// The number of sentence patterns behind them, without the phrases that fill them.
std::size_t patterns_zh();
std::size_t patterns_en();

enum class Script { simplified, traditional, english };
// As a customer writes it: an alias of config/taxonomy.yaml in that script, sometimes with other case or width. Empty:
// the topic has no tag.
std::string tag_text(Dice& dice, Topic topic, Script script);

}  // namespace echoloop::sample
