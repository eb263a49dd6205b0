#include "pipeline/sample/sample.h"

#include <algorithm>
#include <array>
#include <queue>
#include <string>
#include <vector>

#include "pipeline/sample/events.h"

namespace echoloop {
namespace {

using namespace sample;

constexpr std::int64_t kOffset_ms = 8 * kHour_ms;  // Shanghai, all year
constexpr std::size_t kRemembered = 2'000;         // recent sessions that a customer may come back from
constexpr std::int64_t kReturning = 45;            // per mille of contacts

struct Waiting {
  Time at{};
  std::int64_t number = 0;  // in the order of making, so that equal times have an order
  std::string json;
  friend bool operator>(const Waiting& a, const Waiting& b) { return a.at != b.at ? a.at > b.at : a.number > b.number; }
};

class Sample {
 public:
  Sample(std::ostream& out, const SampleOptions& options) : out_(out), options_(options) {}

  void write() {
    std::int64_t weight_total = 0;
    for (std::int64_t day = 0; day < options_.days; ++day) {
      for (std::int64_t hour = 0; hour < 24; ++hour) weight_total += hour_weight(day_of(day), hour);
    }
    std::int64_t weight = 0;
    std::int64_t made = 0;
    for (std::int64_t day = 0; day < options_.days; ++day) {
      for (std::int64_t hour = 0; hour < 24; ++hour) {
        weight += hour_weight(day_of(day), hour);
        // 128 bits: a hundred million sessions times the weights of a year.
        const auto until =
            static_cast<std::int64_t>(static_cast<unsigned __int128>(options_.sessions) *
                                      static_cast<std::uint64_t>(weight) / static_cast<std::uint64_t>(weight_total));
        write_hour(day, hour, made, until);
        made = until;
      }
    }
    release(Time::max());
  }

 private:
  Day day_of(std::int64_t index) const {
    const std::int64_t date = options_.from_day + index;
    return {index + 1, ((date + 3) % 7 + 7) % 7, plants_of(options_.days)};  // 1970-01-01 was a Thursday
  }

  // Sessions made … until − 1 close in this hour, at rising times.
  void write_hour(std::int64_t day, std::int64_t hour, std::int64_t made, std::int64_t until) {
    const Time begin = from_ms((options_.from_day + day) * kDay_ms - kOffset_ms + hour * kHour_ms);
    const std::int64_t count = until - made;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t number = made + i;
      Dice dice(options_.seed, static_cast<std::uint64_t>(number));
      const Time closed_at =
          begin + Duration{i * kHour_ms / count + dice.below(std::max<std::int64_t>(kHour_ms / count, 1))};
      release(closed_at - Duration{10'000});
      // The one red line: the first session that closes at or after ten o'clock of its day.
      const Day today = day_of(day);
      const bool shock = !shock_told_ && today.number == today.plants.shock_day && hour >= 10;
      shock_told_ = shock_told_ || shock;
      Contact contact = make_contact(dice, number, closed_at, today, shock);
      std::string previous;
      std::vector<std::string>& recent = contact.tenant == "hongtu" ? recent_[0] : recent_[1];
      if (!shock && !recent.empty() && dice.per_mille(kReturning)) come_back(dice, contact, recent, previous);
      for (Arrival& arrival : events_of(dice, contact, today, previous))
        waiting_.push({arrival.at, arrivals_++, std::move(arrival.json)});
      remember(contact, recent);
    }
  }

  // An earlier customer who was not helped.
  static void come_back(Dice& dice, Contact& contact, const std::vector<std::string>& recent, std::string& previous) {
    const std::string& earlier = dice.one_of(recent);
    const std::size_t cut = earlier.find(' ');
    previous = earlier.substr(0, cut);
    contact.customer = earlier.substr(cut + 1);
  }

  void remember(const Contact& contact, std::vector<std::string>& recent) {
    if (contact.solved && contact.verdict > Verdict::bad) return;
    std::string entry = contact.session_id + " " + contact.customer;
    if (recent.size() < kRemembered) {
      recent.push_back(std::move(entry));
    } else {
      recent[static_cast<std::size_t>(forgotten_++) % kRemembered] = std::move(entry);
    }
  }

  // Writes what has arrived by then: nothing that is made later can arrive earlier.
  void release(Time until) {
    while (!waiting_.empty() && waiting_.top().at < until) {
      out_ << waiting_.top().json << '\n';
      waiting_.pop();
    }
  }

  std::ostream& out_;
  const SampleOptions& options_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
  std::int64_t arrivals_ = 0;
  bool shock_told_ = false;
  std::array<std::vector<std::string>, 2> recent_;
  std::int64_t forgotten_ = 0;
};

}  // namespace

void write_sample(std::ostream& out, const SampleOptions& options) { Sample(out, options).write(); }

}  // namespace echoloop
