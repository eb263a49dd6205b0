#include "pipeline/sample/contact.h"

#include <algorithm>
#include <span>

namespace echoloop::sample {
namespace {

using Words = std::string_view;

struct Weighted {
  Words name;
  std::int64_t weight;
};

// `low`: per mille of dissatisfied customers that the category adds to the usual.
struct Category {
  Words name;
  std::int64_t weight, low;
  Topic topic;
};

constexpr Weighted kTenants[] = {{"hongtu", 800}, {"anxin", 200}};
constexpr Weighted kRetailChannels[] = {{"web", 26}, {"app", 30}, {"phone", 24}, {"wechat", 14}, {"email", 6}};
constexpr Weighted kInsuranceChannels[] = {{"web", 12}, {"app", 22}, {"phone", 44}, {"wechat", 18}, {"email", 4}};
constexpr Weighted kRetailEntities[] = {
    {"hongtu-east", 34}, {"hongtu-south", 28}, {"hongtu-north", 24}, {"hongtu-west", 14}};
constexpr Weighted kInsuranceEntities[] = {{"anxin-property", 60}, {"anxin-life", 40}};

constexpr Category kRetailCategories[] = {
    {"product/quality", 14, 35, Topic::quality},     {"product/usage", 10, -40, Topic::cannot_help},
    {"product/warranty", 6, 0, Topic::cannot_help},  {"delivery/late", 11, 15, Topic::late_delivery},
    {"delivery/lost", 3, 55, Topic::lost_parcel},    {"delivery/damaged", 5, 35, Topic::damaged},
    {"delivery/address", 7, -40, Topic::slow_reply}, {"account/login", 8, -20, Topic::login},
    {"account/refund", 15, 10, Topic::refund},       {"account/invoice", 8, -30, Topic::invoice},
    {"account/points", 4, -40, Topic::cannot_help},  {"insurance/shipping", 5, -10, Topic::policy},
    {"insurance/warranty", 4, -10, Topic::claim}};
constexpr Category kInsuranceCategories[] = {
    {"insurance/claims", 35, 30, Topic::claim},   {"insurance/policy", 25, 0, Topic::policy},
    {"insurance/premium", 15, 10, Topic::policy}, {"insurance/renewal", 10, 0, Topic::policy},
    {"account/login", 8, -20, Topic::login},      {"account/invoice", 7, -30, Topic::invoice}};

struct Group {
  Words name, prefix, department;
  std::int64_t agents, low;
};
constexpr Group kGroups[] = {{"web-retail", "wr", "service", 16, -5},   {"wechat-retail", "wc", "service", 8, 0},
                             {"hotline-1", "h1", "service", 12, 0},     {"hotline-2", "h2", "service", 12, 0},
                             {"email-desk", "em", "service", 5, 10},    {"delivery-desk", "dd", "service", 9, 10},
                             {"insurance-desk", "id", "service", 6, 0}, {"anxin-claims", "ac", "claims", 9, 10},
                             {"anxin-service", "as", "service", 9, -5}};

const Group& group_named(Words name) {
  return *std::find_if(std::begin(kGroups), std::end(kGroups), [&](const Group& group) { return group.name == name; });
}

constexpr std::int64_t kLowUsual = 70;  // per mille of scores in the bottom two boxes

// Minutes of handling at the median, by channel.
std::int64_t handling_median_ms(Words channel) {
  if (channel == "email") return 15 * 60'000;
  if (channel == "phone") return 310'000;
  return channel == "wechat" ? 460'000 : 400'000;
}

Words group_for(Dice& dice, Words tenant, Words channel, Words category) {
  const bool insurance = category.starts_with("insurance/");
  if (tenant == "anxin") return category == "insurance/claims" ? "anxin-claims" : "anxin-service";
  if (insurance) return "insurance-desk";
  if (channel == "phone") return dice.per_mille(500) ? "hotline-1" : "hotline-2";
  if (channel == "email") return "email-desk";
  if (category.starts_with("delivery/")) return "delivery-desk";
  return channel == "wechat" ? "wechat-retail" : "web-retail";
}

// An agent of the group, the first numbers more often than the last: not everybody works full time.
std::string agent_of(Dice& dice, const Group& group) {
  const std::int64_t number = 1 + std::min(dice.below(group.agents), dice.below(group.agents + group.agents / 2));
  std::string id(group.prefix);
  id += number < 10 ? "0" : "";
  return id + std::to_string(number);
}

// Some agents are better at it than others; the same all month.
std::int64_t low_of_agent(const std::string& agent) {
  std::int64_t sum = 0;
  for (char c : agent) sum = sum * 31 + c;
  return sum % 9 * 8 - 32;  // −32 … +32 per mille
}

bool fails(const Contact& contact, const Day& day) {
  return contact.entity == kFailureEntity && day.plants.failure.hold(day.number);
}

// How much the planted attitude problem adds on a day: little on the first, 480 per mille on the last.
std::int64_t attitude_low(const Day& day) {
  const Days& days = day.plants.attitude;
  return days.hold(day.number) ? 480 * (day.number - days.from + 1) / (days.to - days.from + 1) : 0;
}

void choose_subject(Dice& dice, Contact& contact, const Day& day) {
  const bool retail = contact.tenant == "hongtu";
  contact.channel = retail ? dice.one_by_weight(kRetailChannels).name : dice.one_by_weight(kInsuranceChannels).name;
  contact.entity = retail ? dice.one_by_weight(kRetailEntities).name : dice.one_by_weight(kInsuranceEntities).name;
  const Category* category =
      retail ? &dice.one_by_weight(kRetailCategories) : &dice.one_by_weight(kInsuranceCategories);
  // While delivery in the east fails, most contacts from there are about it.
  if (fails(contact, day) && dice.per_mille(550)) category = &kRetailCategories[3];
  // Mended: six in ten late parcels are in time, and it is something else that people ask about.
  if (day.number >= day.plants.mended_from && category == &kRetailCategories[3] && dice.per_mille(600))
    category = &dice.one_by_weight(kRetailCategories);
  if (contact.shock) {
    category = &kRetailCategories[0];
    contact.channel = "app";
  }
  contact.category = category->name;
  contact.topic = category->topic;
}

// The people and the machine that handled it, in order.
void choose_handlers(Dice& dice, Contact& contact, const Day& day) {
  const bool chat = contact.channel == "web" || contact.channel == "app" || contact.channel == "wechat";
  contact.routing_version = day.number >= day.plants.misroute_from ? "2" : "1";
  const bool insurance = contact.category.starts_with("insurance/");
  contact.routing_rule = contact.tenant == "anxin" || insurance              ? "by-product"
                         : contact.category.starts_with("delivery/") && chat ? "by-category"
                                                                             : "by-channel";
  contact.intended_group = group_for(dice, contact.tenant, contact.channel, contact.category);
  contact.misrouted =
      contact.intended_group == "insurance-desk" && day.number >= day.plants.misroute_from && dice.per_mille(700);

  contact.bot_only = chat && !contact.shock && dice.per_mille(120);
  if (chat && (contact.bot_only || dice.per_mille(350))) {
    contact.legs.push_back({contact.tenant == "anxin" ? "bot-anan" : "bot-xiaohong", "bots", "service", true, {}, {}});
  }
  if (contact.bot_only) return;
  auto add = [&](Words name) {
    const Group& group = group_named(name);
    contact.legs.push_back({agent_of(dice, group), group.name, group.department, false, {}, {}});
  };
  add(contact.misrouted ? kMisrouteGroup : contact.intended_group);
  const bool handed_on = contact.misrouted ? dice.per_mille(600) : dice.per_mille(60);
  if (handed_on) {
    add(contact.misrouted ? contact.intended_group : contact.legs.back().group);
    contact.transfers = 1;
  }
}

void choose_times(Dice& dice, Contact& contact, const Day& day, std::int64_t hour) {
  const bool peak = hour >= 9 && hour <= 11;
  const std::int64_t queue_median = contact.channel == "email"   ? 2 * kHour_ms
                                    : contact.channel == "phone" ? 38'000
                                                                 : 22'000;
  contact.queued_ms = dice.around(peak || day.weekday == 0 ? queue_median * 7 / 4 : queue_median, true);
  if (contact.bot_only) contact.queued_ms = 0;
  if (contact.channel != "phone" && !contact.bot_only)
    contact.first_reply_ms = dice.around(contact.channel == "email" ? kHour_ms : 17'000, false);
  Time end = contact.closed_at;
  for (auto leg = contact.legs.rbegin(); leg != contact.legs.rend(); ++leg) {
    const std::int64_t median = handling_median_ms(contact.channel);
    const std::int64_t length = dice.around(leg->bot ? 70'000 : contact.misrouted ? median * 4 / 3 : median, false);
    leg->to = end;
    leg->from = end - Duration{length};
    end = leg->from;
    if (!leg->bot) contact.handle_ms += length;
  }
  contact.opened_at = end - Duration{contact.queued_ms};
  contact.lookups = dice.below(4);
  contact.hits = contact.lookups == 0 ? 0 : contact.lookups - dice.below(2);
  contact.work_orders = dice.per_mille(120) ? 1 : 0;
}

// How it was for the customer, and why.
void choose_verdict(Dice& dice, Contact& contact, const Category& category, const Day& day) {
  const Leg& last = contact.legs.back();
  const bool failing = contact.category == "delivery/late" && fails(contact, day);
  const std::int64_t attitude = last.group == kAttitudeGroup ? attitude_low(day) : 0;
  std::int64_t low = kLowUsual + category.low + attitude;
  if (failing) low += 540;
  if (contact.misrouted) low += 260;
  if (last.bot) {
    low += 60;
  } else {
    low += group_named(last.group).low + low_of_agent(last.agent);
  }
  if (contact.queued_ms > 120'000 && contact.channel != "email") low += 50;
  low = std::clamp<std::int64_t>(contact.shock ? 1000 : low, 15, 1000);

  // Of those who are not dissatisfied: 9 % middling, 26 % good, the rest very good.
  if (dice.below(1000) < low) {
    contact.verdict = contact.shock || dice.per_mille(620) ? Verdict::very_bad : Verdict::bad;
  } else {
    const std::int64_t part = dice.below(100);
    contact.verdict = part < 9 ? Verdict::middling : part < 35 ? Verdict::good : Verdict::very_good;
  }
  const bool unhappy = contact.verdict <= Verdict::bad;
  contact.solved = !contact.shock && !dice.per_mille(unhappy ? 640 : contact.verdict == Verdict::middling ? 300 : 45);

  if (contact.shock) {
    contact.topic = Topic::shock;
  } else if (unhappy) {
    // The plants speak for themselves; otherwise the category, or something that can happen anywhere.
    constexpr Topic kAnywhere[] = {Topic::slow_reply,     Topic::cannot_help, Topic::cannot_help,
                                   Topic::not_understood, Topic::no_closing,  Topic::bad_attitude};
    if (contact.misrouted && dice.per_mille(750)) {
      contact.topic = Topic::wrong_queue;
    } else if (attitude > 0 && dice.below(low) < attitude) {
      contact.topic = Topic::bad_attitude;
    } else if (failing) {
      contact.topic = Topic::late_delivery;
    } else if (contact.queued_ms > 120'000 && contact.channel != "email" && dice.per_mille(500)) {
      contact.topic = Topic::long_wait;
    } else if (dice.per_mille(350)) {
      contact.topic = dice.one_of(kAnywhere);
    }
  } else if (contact.verdict == Verdict::middling) {
    if (dice.per_mille(500)) contact.topic = Topic::neutral;
  } else {
    constexpr Topic kPraise[] = {Topic::friendly, Topic::friendly, Topic::quick,
                                 Topic::solved,   Topic::solved,   Topic::neutral};
    contact.topic = dice.one_of(kPraise);
  }
}

const Category& category_named(Words tenant, Words name) {
  const std::span<const Category> all = tenant == "hongtu" ? std::span<const Category>(kRetailCategories)
                                                           : std::span<const Category>(kInsuranceCategories);
  return *std::find_if(all.begin(), all.end(), [&](const Category& one) { return one.name == name; });
}

}  // namespace

std::int64_t hour_weight(const Day& day, std::int64_t hour) {
  constexpr std::int64_t kWeekday[] = {120, 108, 104, 102, 100, 82, 76};
  constexpr std::int64_t kHour[] = {4,  3,  2,  2,  2,  3,  8,  20, 45, 80, 100, 95,
                                    70, 72, 92, 95, 90, 80, 70, 78, 85, 70, 40,  15};
  const std::int64_t failure = day.plants.failure.hold(day.number) ? 118 : 100;
  return kWeekday[day.weekday] * kHour[hour] * failure;
}

Contact make_contact(Dice& dice, std::int64_t number, Time closed_at, const Day& day, bool shock) {
  Contact contact;
  contact.shock = shock;
  contact.closed_at = closed_at;
  contact.tenant = shock ? "hongtu" : std::string(dice.one_by_weight(kTenants).name);
  // Session numbers carry a check part, so that they do not look like a row count.
  contact.session_id =
      (contact.tenant == "hongtu" ? "HT" : "AX") + std::to_string(100'000'000 + number * 10 + number % 7);
  // Some customers call often: the smaller of two numbers.
  contact.customer = (contact.tenant == "hongtu" ? "C" : "P") +
                     std::to_string(100'000 + std::min(dice.below(16'000), dice.below(48'000)));
  contact.english = !shock && dice.per_mille(110);
  choose_subject(dice, contact, day);
  choose_handlers(dice, contact, day);
  const std::int64_t hour = floor_to(to_ms(closed_at) + 8 * kHour_ms, kHour_ms) / kHour_ms % 24;
  choose_times(dice, contact, day, hour);
  choose_verdict(dice, contact, category_named(contact.tenant, contact.category), day);
  return contact;
}

}  // namespace echoloop::sample
