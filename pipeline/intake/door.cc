#include "pipeline/intake/door.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <variant>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "schemas/dead_letter.h"

namespace echoloop {

// Records on their way into one append. Keys and values made here lie in one text, so that they may grow; offsets
// become views at the end.
class Door::Batch {
 public:
  // `value` must outlive the batch.
  void add_event(const Event& event, std::string_view value, Time at) {
    auto key_place = place(partition_key_of(event));
    records_.push_back({stage::Kind::event, key_place, value, {}, at, place(tenant_of(event))});
  }
  void add_own(stage::Kind kind, std::string_view key, std::string_view value, Time at) {
    auto key_place = place(key);
    records_.push_back({kind, key_place, {}, place(value), at, {}});
  }
  std::vector<stage::Append> views() const {
    std::vector<stage::Append> out;
    out.reserve(records_.size());
    auto view = [this](Place p) { return std::string_view{own_}.substr(p.begin, p.size); };
    for (const auto& r : records_)
      out.push_back({r.kind, view(r.key), r.own.size > 0 ? view(r.own) : r.value, r.at, view(r.tenant)});
    return out;
  }
  bool empty() const { return records_.empty(); }

 private:
  struct Place {
    std::size_t begin = 0, size = 0;
  };
  struct Waiting {
    stage::Kind kind{};
    Place key;
    std::string_view value;
    Place own;
    Time at{};
    Place tenant;
  };
  Place place(std::string_view text) {
    own_.append(text);
    return {own_.size() - text.size(), text.size()};
  }
  std::string own_;
  std::vector<Waiting> records_;
};

// A decoder for the time of one call.
class Door::Decoding {
 public:
  explicit Decoding(Door& door) : door_(door) {
    std::lock_guard lock{door_.mutex_};
    if (door_.idle_.empty()) {
      decoder_ = std::make_unique<EventDecoder>();
    } else {
      decoder_ = std::move(door_.idle_.back());
      door_.idle_.pop_back();
    }
  }
  ~Decoding() {
    std::lock_guard lock{door_.mutex_};
    door_.idle_.push_back(std::move(decoder_));
  }
  Decoding(const Decoding&) = delete;
  Decoding& operator=(const Decoding&) = delete;
  EventDecoder* operator->() { return decoder_.get(); }

 private:
  Door& door_;
  std::unique_ptr<EventDecoder> decoder_;
};

namespace {

// The tenant that a document names, whatever else is wrong with it; empty where it names none.
std::string tenant_named_in(std::string_view document) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view tenant;
  if (parser.parse(document.data(), document.size()).get(root) != simdjson::SUCCESS) return {};
  if (root.at_pointer("/data/tenant").get(tenant) != simdjson::SUCCESS) return {};
  return std::string(tenant);
}

state::Rejected rejected_of(std::string_view document, std::string_view where, std::string_view reason,
                            const Origin& origin, Time now) {
  state::Rejected out;
  out.set_document(document.data(), document.size());
  out.set_where(shortened(where));
  out.set_reason(shortened(reason));
  out.set_adapter(std::string(origin.adapter));
  out.set_door(std::string(origin.door));
  out.set_tenant(origin.tenant.empty() ? tenant_named_in(document) : std::string(origin.tenant));
  out.set_received_at(to_ms(now));
  return out;
}

// Rejected documents have no session: spread by content.
std::string key_of_document(std::string_view document) { return to_hex(hash128(document)); }

}  // namespace

Time Door::stage_time(const Event& event) const {
  if (options_.clock == StageClock::wall) return options_.now();
  return event_time(event).value_or(Time{});  // the log raises it to the time it has reached
}

std::optional<Error> Door::unwelcome(const Event& event, const Origin& origin) const {
  if (options_.knows_tenant && !options_.knows_tenant(tenant_of(event))) {
    return Error{Fault::bad_input, "/data/tenant", fmt::format("tenant '{}' is not configured", tenant_of(event))};
  }
  if (origin.any_age || options_.clock == StageClock::event) return std::nullopt;
  auto time = event_time(event);
  if (!time || *time >= options_.now() - options_.retention) return std::nullopt;
  return Error{
      Fault::bad_input, "",
      fmt::format("beyond retention: {} is more than {} ago", format_time(*time), format_duration(options_.retention))};
}

Result<bool> Door::append(Batch& batch) {
  if (batch.empty()) return true;
  auto records = batch.views();
  auto outcome = appender_.append(records);
  if (!outcome) return tl::make_unexpected(outcome.error());
  return *outcome == stage::Appended::durable;
}

namespace {

Result<Entered> outcome_of(Result<bool> appended, Entered entered) {
  if (!appended) return tl::make_unexpected(appended.error());
  if (*appended) return entered;
  Entered nothing;
  nothing.full = true;
  return nothing;
}

}  // namespace

Result<Entered> Door::enter(std::span<const std::string_view> documents, const Origin& origin) {
  Batch batch;
  Entered entered;
  {
    Decoding decoder{*this};
    for (std::size_t i = 0; i < documents.size(); ++i) {
      take(i, documents[i], decoder->decode(documents[i]), origin, batch, entered);
    }
  }
  return outcome_of(append(batch), std::move(entered));
}

Result<Entered> Door::enter_lines(std::string_view body, const Origin& origin) {
  Batch batch;
  Entered entered;
  {
    Decoding decoder{*this};
    std::size_t index = 0;
    for_each_line(body, [&](std::size_t, std::string_view document) {
      take(index++, document, decoder->decode(document), origin, batch, entered);
    });
  }
  return outcome_of(append(batch), std::move(entered));
}

Result<Entered> Door::enter_batch(std::string_view body, const Origin& origin) {
  Batch batch;
  Entered entered;
  {
    Decoding decoder{*this};
    auto count = decoder->decode_batch(body, [&](std::size_t index, std::string_view document, Result<Event> event) {
      take(index, document, std::move(event), origin, batch, entered);
    });
    if (!count) return tl::make_unexpected(count.error());
  }
  return outcome_of(append(batch), std::move(entered));
}

Result<Entered> Door::enter_binary(const Attributes& attributes, std::string_view data, const Origin& origin) {
  Batch batch;
  Entered entered;
  std::string structured;
  {
    Decoding decoder{*this};
    auto event = decoder->decode_binary(attributes, data);
    // The log holds structured events only.
    if (event) encode(*event, structured);
    take(0, event ? std::string_view{structured} : data, std::move(event), origin, batch, entered);
  }
  return outcome_of(append(batch), std::move(entered));
}

void Door::take(std::size_t index, std::string_view document, Result<Event> event, const Origin& origin, Batch& batch,
                Entered& entered) const {
  if (event) {
    if (auto error = unwelcome(*event, origin)) event = tl::make_unexpected(std::move(*error));
  }
  if (event) {
    batch.add_event(*event, document, stage_time(*event));
    ++entered.accepted;
    return;
  }
  const auto& error = event.error();
  if (origin.keeps) {
    auto record = rejected_of(document, error.where, error.reason, origin, options_.now());
    batch.add_own(stage::Kind::rejected, key_of_document(document), record.SerializeAsString(), rejection_time());
  }
  entered.rejected.push_back({index, error.where, error.reason});
}

Time Door::rejection_time() const { return options_.clock == StageClock::wall ? options_.now() : Time{}; }

bool Door::take_all(std::span<const std::string_view> events, const Origin& origin, Batch& batch, Entered& entered) {
  Decoding decoder{*this};
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto event = decoder->decode(events[i]);
    if (event) {
      if (auto error = unwelcome(*event, origin)) event = tl::make_unexpected(std::move(*error));
    }
    if (event) {
      batch.add_event(*event, events[i], stage_time(*event));
      ++entered.accepted;
    } else {
      entered.rejected.push_back({i, event.error().where, event.error().reason});
    }
  }
  return entered.rejected.empty();
}

namespace {

// The first fault of what an adapter made, told for the source document.
std::string reason_of(const std::vector<Rejection>& rejected, std::size_t events) {
  const auto& first = rejected.front();
  auto reason = first.where.empty() ? first.reason : first.where + ": " + first.reason;
  return events > 1 ? fmt::format("event {} of {}: {}", first.index + 1, events, reason) : reason;
}

}  // namespace

Result<Entered> Door::enter_adapted(std::string_view document, std::span<const std::string_view> events,
                                    const Origin& origin) {
  Batch batch;
  Entered entered;
  if (!take_all(events, origin, batch, entered)) {
    auto reason = reason_of(entered.rejected, events.size());
    auto record = rejected_of(document, "", reason, origin, options_.now());
    batch.add_own(stage::Kind::rejected, key_of_document(document), record.SerializeAsString(), rejection_time());
  }
  return outcome_of(append(batch), std::move(entered));
}

Result<bool> Door::reject(std::span<const Refused> documents, const Origin& origin) {
  Batch batch;
  for (const auto& one : documents) {
    auto from = origin;
    if (!one.adapter.empty()) from.adapter = one.adapter;
    if (!one.tenant.empty()) from.tenant = one.tenant;
    auto record = rejected_of(one.document, one.where, one.reason, from, options_.now());
    batch.add_own(stage::Kind::rejected, key_of_document(one.document), record.SerializeAsString(), rejection_time());
  }
  return append(batch);
}

Result<Entered> Door::replay(const std::string& id, int shard, const state::Rejected& letter,
                             std::span<const std::string_view> events) {
  Batch batch;
  Entered entered;
  // A person asked for it: age does not count.
  Origin origin{letter.door(), letter.adapter(), letter.tenant(), true};
  if (!take_all(events, origin, batch, entered)) {
    const auto& first = entered.rejected.front();
    auto reason = events.size() > 1 ? reason_of(entered.rejected, events.size()) : first.reason;
    put_replay_failure(id, shard, letter, {Fault::bad_input, events.size() > 1 ? "" : first.where, reason}, batch);
  } else {
    settle(id, shard, state::DeadLetter::REPLAYED, batch);
  }
  return outcome_of(append(batch), std::move(entered));
}

Result<Entered> Door::replay_failed(const std::string& id, int shard, const state::Rejected& letter,
                                    const Error& error) {
  Batch batch;
  put_replay_failure(id, shard, letter, error, batch);
  Entered entered;
  entered.rejected.push_back({0, error.where, error.reason});
  return outcome_of(append(batch), std::move(entered));
}

Result<bool> Door::drop(const std::string& id, int shard) {
  Batch batch;
  settle(id, shard, state::DeadLetter::DROPPED, batch);
  return append(batch);
}

void Door::put_replay_failure(const std::string& id, int shard, const state::Rejected& letter, const Error& error,
                              Batch& batch) const {
  auto record = letter;
  // In which file the document stood stays known.
  std::string position{place_of(letter.where()).position};
  record.set_where(position + (position.empty() || error.where.empty() ? "" : " ") + error.where);
  record.set_reason(error.reason);
  record.set_replay_of(id);
  batch.add_own(stage::Kind::rejected, key_of_shard(shard), record.SerializeAsString(), rejection_time());
}

void Door::settle(const std::string& id, int shard, state::DeadLetter::State state, Batch& batch) const {
  state::DeadSettled settled;
  settled.set_id(id);
  settled.set_state(state);
  batch.add_own(stage::Kind::dead_settled, key_of_shard(shard), settled.SerializeAsString(), rejection_time());
}

// A dead letter is known only to the shard that keeps it: some key that leads there.
std::string Door::key_of_shard(int shard) const {
  for (int i = 0;; ++i) {
    auto key = fmt::format("shard-{}", i);
    if (partition_of(key, appender_.partitions()) == shard) return key;
  }
}

}  // namespace echoloop
