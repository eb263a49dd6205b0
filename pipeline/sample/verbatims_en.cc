#include <iterator>
#include <span>

#include "pipeline/sample/grammar.h"
#include "pipeline/sample/verbatims.h"

namespace echoloop::sample {
namespace {

using Words = std::string_view;

constexpr Words kItem[] = {"rice cooker", "down jacket", "coffee machine", "suitcase", "monitor", "air fryer"};
constexpr Words kDays[] = {"three days", "five days", "a week", "almost ten days"};
constexpr Words kWait[] = {"twenty minutes", "half an hour", "an hour"};
constexpr Words kTimes[] = {"twice", "three times", "again and again"};
constexpr Words kPolicy[] = {"health cover", "car insurance", "travel insurance"};
constexpr Slot kSlots[] = {{"item", kItem}, {"days", kDays}, {"wait", kWait}, {"times", kTimes}, {"policy", kPolicy}};

constexpr Words kLate[] = {"Promised next day, and after {days} my {item} is still not here.",
                           "Tracking has not moved for {days}.", "Delivery came {days} late, no apology.",
                           "I asked {times}, the parcel is always \"on its way\"."};
constexpr Words kLost[] = {"Marked as delivered, but I never got my {item}.",
                           "Parcel lost and nobody takes responsibility."};
constexpr Words kDamaged[] = {"The box was crushed and the {item} damaged.", "My {item} arrived wet and scratched."};
constexpr Words kQuality[] = {"My {item} stopped working after {days}.",
                              "Poor quality, looks nothing like the pictures.", "Second {item}, same fault."};
constexpr Words kRefund[] = {"Still waiting for my refund after {days}.",
                             "They refused my return {times}, each time for another reason."};
constexpr Words kLogin[] = {"The code never arrives, I cannot log in.", "My account has been locked for {days}."};
constexpr Words kInvoice[] = {"The invoice was wrong {times}.", "Need an invoice, waited {days}."};
constexpr Words kClaim[] = {"Sent the claim papers {times}, always something missing.",
                            "Nobody called about my {policy} claim for {days}."};
constexpr Words kPolicyText[] = {"The price of my {policy} went up without a word.",
                                 "The terms are impossible to understand."};
constexpr Words kWrongQueue[] = {"Asked about {policy} and ended up with someone who sells shoes.",
                                 "Transferred {times}, nobody was in charge."};
constexpr Words kLongWait[] = {"Waited {wait} in the queue.", "Called {times}, always busy."};
constexpr Words kSlow[] = {"Every answer took five minutes.", "Slow replies, as if nobody was there."};
constexpr Words kAttitude[] = {"The agent was rude and kept interrupting me.", "Impatient and impolite.",
                               "Felt like I was bothering them."};
constexpr Words kNotUnderstood[] = {"They did not understand the question.", "The bot repeats the same line {times}."};
constexpr Words kCannotHelp[] = {"After {wait} still not solved.", "Nobody could help, they just took notes."};
constexpr Words kNoClosing[] = {"The chat was closed while I was typing.",
                                "They hung up without asking if it was solved."};
constexpr Words kShock[] = {"The electric blanket gave my mother an electric shock."};
constexpr Words kFriendly[] = {"Very polite and patient.", "Kind person, explained every step.",
                               "Friendly, thank you!"};
constexpr Words kQuick[] = {"Quick answer, great.", "Sorted in two minutes.", "No queue at all."};
constexpr Words kSolved[] = {"Problem solved, very professional.", "They replaced my {item} the next day, well done.",
                             "Clear explanation of my {policy}."};
constexpr Words kNeutral[] = {"ok", "Fine.", "Average.", "Could be better."};

constexpr std::span<const Words> kBodies[] = {kLate,     kLost,          kDamaged,    kQuality,    kRefund,   kLogin,
                                              kInvoice,  kClaim,         kPolicyText, kWrongQueue, kLongWait, kSlow,
                                              kAttitude, kNotUnderstood, kCannotHelp, kNoClosing,  kShock,    kFriendly,
                                              kQuick,    kSolved,        kNeutral};
static_assert(std::size(kBodies) == static_cast<std::size_t>(Topic::neutral) + 1);

constexpr Words kComplaintLead[] = {"Honestly, not good: ", "Disappointed. ", "As a regular customer: "};
constexpr Words kComplaintTail[] = {"Please call me back.", "Will not buy again.", "Very disappointed.",
                                    "Please fix this."};
constexpr Words kPraiseTail[] = {"Thanks!", "Keep it up.", "Five stars."};

}  // namespace

std::string comment_en(Dice& dice, Topic topic) {
  return compose(dice, topic, {kBodies, kSlots, kComplaintLead, kComplaintTail, kPraiseTail, " "});
}

std::size_t patterns_en() { return count_patterns(kBodies); }

}  // namespace echoloop::sample
