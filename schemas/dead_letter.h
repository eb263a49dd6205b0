// Dead letters told apart: what kind of fault a letter tells of, whatever values its text holds, and which letters a
// request means. Pure; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/time.h"
#include "schemas/state.pb.h"

namespace echoloop {

// "reviews.csv:17 /data/score": where in which file the document stood, and where in the document the fault lies.
// Either may be empty.
struct LetterPlace {
  std::string_view position;
  std::string_view pointer;
};
LetterPlace place_of(std::string_view where);

// What a letter says of where and why: at most kSaid_bytes_max of it, in whole characters, though keys and values of a
// document that it repeats may be as long as the document.
inline constexpr std::size_t kSaid_bytes_max = 4096;
std::string shortened(std::string_view said);

// Whether whoever asks for that tenant may have it: a document of which no tenant is known is everybody's. Empty: all.
bool is_for(const state::DeadLetter& letter, std::string_view tenant);

// The fault without the values that differ from letter to letter: the pointer, with * for places in lists, and the
// reason with … for what it quotes and # for numbers and times. The same for all letters that one mend would help;
// at most kFault_bytes_max.
inline constexpr std::size_t kFault_bytes_max = 200;
std::string fault_of(const state::Rejected& rejected);

// The adapter by the name under which letters are grouped: canonical events are those of "cloudevents", and a file's
// ending does not matter.
std::string adapter_of(const state::Rejected& rejected);

// Which letters; what is not set is not asked.
struct DeadFilter {
  std::optional<state::DeadLetter::State> state{};
  std::optional<std::string> tenant{};  // a letter whose tenant is not known belongs to none
  std::optional<std::string> adapter{};
  std::optional<std::string> reason{};  // a fault as fault_of has it, or a reason as it stands in the letter
  std::optional<Time> before{};         // received before that
  bool matches(const state::DeadLetter& letter) const;
};

}  // namespace echoloop
