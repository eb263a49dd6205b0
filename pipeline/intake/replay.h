// Dead letters sent through again, or dropped: one by one or by what they have in common, for HTTP and the command line
// alike. Safe from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/intake/http_hooks.h"
#include "pipeline/stage/store.h"
#include "schemas/dead_letter.h"

namespace echoloop {

// Waits until `ready`, asked again after each commit, says yes, or for long enough. Empty: nothing is awaited.
using AwaitCommit = std::function<void(const std::function<bool()>& ready)>;

// Error.where of letters that cannot be settled: there is none of that id, or it is open no longer.
inline constexpr std::string_view kNo_letter = "404", kSettled_letter = "409";

// What a replay of one letter came to.
struct Replayed {
  Entered entered;
  std::vector<std::string> skipped;
};

// What a replay of many came to. Letters: replayed and failed add up to those that were tried.
struct ReplayPage {
  bool full = false;  // the log takes no more for now: go on from `next` later
  std::int64_t replayed = 0, failed = 0;
  std::int64_t accepted = 0, skipped = 0;  // events, and what adapters left out on purpose, of the letters replayed
  struct Failure {
    std::string id, where, reason;
  };
  std::vector<Failure> failures;    // of those that stay open
  std::optional<std::string> next;  // the letter to go on after; none: all were looked at
};

class Replay {
 public:
  static constexpr std::size_t kPage_max = 200;       // letters that one page tries
  static constexpr std::size_t kLooked_max = 20'000;  // letters that one page looks at

  // `rows`: committed rows of all shards. All pointers and references outlive it.
  Replay(Door& door, const stage::View& rows, HookOptions options, AwaitCommit await)
      : door_(door), rows_(rows), options_(std::move(options)), await_(std::move(await)) {}

  // Through its adapter as it is now, where it had one. When everything is accepted the letter is settled, otherwise it
  // stays open with its newest reason; either shows in the rows when this returns. Errors: bad_input with where
  // kNo_letter or kSettled_letter; world.
  // `tenant`: letters of other ones are not there; empty: any.
  Result<Replayed> one(const std::string& id, std::string_view tenant = {});
  // The same for open letters that the filter lets through, by shard and id from after `after` on, at most `limit`.
  // Letters that another request settles meanwhile are left to it.
  Result<ReplayPage> many(DeadFilter filter, const std::optional<std::string>& after, std::size_t limit);
  // Answers false when the log is full. Errors as for one().
  Result<bool> drop(const std::string& id, std::string_view tenant = {});

 private:
  struct Letter {
    std::string id;
    int shard = 0;
    state::DeadLetter row;
  };

  // Requests about the same letter, one after the other: the second must see what the first has done.
  class Turn {
   public:
    Turn(Replay& replay, std::string id);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Replay& replay_;
    std::string id_;
  };

  Result<Letter> find_open(const std::string& id, std::string_view tenant = {}) const;
  Result<std::vector<AdapterOutput>> adapted_again(const state::Rejected& rejected) const;
  Result<Replayed> send(const Letter& letter);
  bool changed(const Letter& before) const;
  Result<std::vector<std::string>> choose(const DeadFilter& filter, const std::optional<std::string>& after,
                                          std::size_t limit, std::optional<std::string>& next) const;

  Door& door_;
  const stage::View& rows_;
  const HookOptions options_;
  const AwaitCommit await_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::set<std::string> taken_;
};

}  // namespace echoloop
