// Random events, and random harm to their JSON. The same seed gives the same events everywhere. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "schemas/event.h"

namespace echoloop::test {

class RandomEvents {
 public:
  explicit RandomEvents(std::uint64_t seed) : engine_(seed) {}

  // A valid event of that type (index in EventData). Its texts live until the next call.
  Event event(std::size_t type);

  // One change that may or may not make the document invalid: drops, retypes, nulls, adds, bends numbers, texts, times
  // and lists.
  void mutate(nlohmann::json& document);
  // Changes bytes of the text: flips, cuts, repeats, lone surrogates, doubled keys.
  void scramble(std::string& text);

  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }

 private:
  Text id();
  Text label();
  Text prose();
  Text text(std::size_t bytes_max);
  Text keep(std::string value) { return texts_.emplace_back(std::move(value)); }
  Texts labels();
  Texts ids();
  Time time();
  std::int64_t number(std::int64_t max);
  Score score();
  template <std::size_t N>
  Text any(const char* const (&names)[N]) {
    return names[below(N)];
  }
  template <class V>
  void maybe(std::optional<V>& out, V value) {
    if (chance(50)) out = std::move(value);
  }

  SessionClosed closed();
  EvaluationSubmitted submitted();
  TaskCommand command();

  void mutate_meaning(nlohmann::json& data);
  nlohmann::json odd_value();
  std::string odd_text();
  std::string odd_time();
  nlohmann::json* any_place(nlohmann::json& document, bool container_only);

  std::mt19937_64 engine_;
  std::deque<std::string> texts_;
};

}  // namespace echoloop::test
