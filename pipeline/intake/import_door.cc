#include "pipeline/intake/import_door.h"

#include <thread>
#include <utility>

namespace echoloop {
namespace {

constexpr Duration kPause{20};  // a full log drains an epoch every 100 ms

class DoorSink : public ImportSink {
 public:
  DoorSink(Door& door, DoorSinkOptions options) : door_(door), options_(std::move(options)) {}

  Result<std::vector<Refusal>> take(std::span<const std::string_view> events) override {
    while (true) {
      Result<Entered> entered =
          door_.enter(events, {.door = "import", .adapter = {}, .tenant = {}, .any_age = true, .keeps = false});
      if (!entered) return tl::make_unexpected(entered.error());
      if (!entered->full) {
        std::vector<Refusal> refused;
        for (Rejection& one : entered->rejected)
          refused.push_back({one.index, std::move(one.where), std::move(one.reason)});
        return refused;
      }
      if (!wait()) return broken_world("import", "interrupted");
    }
  }

  Result<void> reject(std::span<const RejectedDocument> documents) override {
    std::vector<Refused> refused;
    for (const RejectedDocument& one : documents)
      refused.push_back({one.document, one.where, one.reason, one.adapter, options_.tenant});
    while (true) {
      Result<bool> kept = door_.reject(refused, {.door = "import", .adapter = {}, .tenant = {}, .any_age = true});
      if (!kept) return tl::make_unexpected(kept.error());
      if (*kept) return {};
      if (!wait()) return broken_world("import", "interrupted");
    }
  }

  Result<std::int64_t> settle() override { return options_.settled ? options_.settled() : Result<std::int64_t>(0); }

 private:
  bool wait() const {
    if (options_.wait) return options_.wait(kPause);
    std::this_thread::sleep_for(kPause);
    return true;
  }
  Door& door_;
  DoorSinkOptions options_;
};

}  // namespace

std::unique_ptr<ImportSink> make_door_sink(Door& door, DoorSinkOptions options) {
  return std::make_unique<DoorSink>(door, std::move(options));
}

}  // namespace echoloop
