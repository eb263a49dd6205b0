// The events that follow from one contact: its closing, the invitation, the evaluation with corrections and
// withdrawals, tag changes, reviews, and the accidents on their way here.
#pragma once

#include <string>
#include <vector>

#include "pipeline/sample/contact.h"

namespace echoloop::sample {

struct Arrival {
  Time at{};         // when it reaches echoloop
  std::string json;  // one line
};

// In no particular order. `previous` is the session of the customer's earlier contact, or empty.
std::vector<Arrival> events_of(Dice& dice, const Contact& contact, const Day& day, const std::string& previous);

}  // namespace echoloop::sample
