// One contact of the sample's companies with a customer: who, where, about what, and how it went, planted faults
// included. docs/sample.md describes the companies; the numbers here are theirs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/time.h"
#include "pipeline/sample/dice.h"
#include "pipeline/sample/plants.h"
#include "pipeline/sample/verbatims.h"

namespace echoloop::sample {

// Days count from 1, the first day of the sample.
struct Day {
  std::int64_t number = 1;
  std::int64_t weekday = 0;  // Monday 0
  const Plants& plants = kMonth;
};

struct Leg {
  std::string agent;
  std::string_view group, department;
  bool bot = false;
  Time from{}, to{};
};

enum class Verdict { very_bad, bad, middling, good, very_good };

struct Contact {
  std::string tenant, session_id, customer;
  std::string_view channel, category, entity;
  std::string_view routing_rule, routing_version, intended_group;
  Time opened_at{}, closed_at{};
  std::int64_t queued_ms = 0;
  std::optional<std::int64_t> first_reply_ms;
  std::int64_t handle_ms = 0;
  std::vector<Leg> legs;  // never empty
  std::int64_t transfers = 0, work_orders = 0, lookups = 0, hits = 0;
  bool bot_only = false;
  bool misrouted = false;
  bool shock = false;
  Verdict verdict{};
  Topic topic{};  // what the customer would speak about
  bool solved = true;
  bool english = false;
};

// `number` is unique in the sample; `shock` makes it the red line.
Contact make_contact(Dice& dice, std::int64_t number, Time closed_at, const Day& day, bool shock);

// Contacts that this hour of the week sees, relative to others.
std::int64_t hour_weight(const Day& day, std::int64_t hour);

}  // namespace echoloop::sample
