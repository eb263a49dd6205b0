#include "pipeline/kafka/peers.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <tuple>
#include <utility>

#include "pipeline/kafka/records.h"

namespace echoloop::kafka {
namespace {

constexpr int kTick_ms = 50, kFarewell_ms = 2'000;
constexpr int kPartition = 0;               // all of it in one order
constexpr std::chrono::seconds kAgain{30};  // what was told may have been lost

std::string random_secret() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

std::string encode(const Standing& standing) {
  return nlohmann::ordered_json{{"address", standing.address},
                                {"secret", standing.secret},
                                {"shards", standing.shards},
                                {"since", format_time(standing.since)}}
      .dump();
}

std::optional<Standing> decode_standing(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.value("address", nlohmann::json{}).is_string() ||
      !json.value("secret", nlohmann::json{}).is_string() || !json.value("shards", nlohmann::json{}).is_array())
    return std::nullopt;
  Standing out{json["address"], json["secret"], {}, {}};
  if (const auto& since = json.value("since", nlohmann::json{}); since.is_string())
    out.since = parse_time(since.get_ref<const std::string&>()).value_or(Time{});
  for (const auto& shard : json["shards"]) {
    if (!shard.is_number_integer()) return std::nullopt;
    out.shards.push_back(shard);
  }
  return out;
}

bool is_succeeded(const Standing& own, const Standing& other) {
  return std::tie(own.since, own.secret) < std::tie(other.since, other.secret);
}

void take_claims(Claims& claims, const std::string& member, const Standing& standing) {
  for (int shard : standing.shards) claims[shard];
  for (auto& [shard, of_shard] : claims) {
    const bool holds = std::find(standing.shards.begin(), standing.shards.end(), shard) != standing.shards.end();
    auto known =
        std::find_if(of_shard.begin(), of_shard.end(), [&](const Claim& claim) { return claim.member == member; });
    if (!holds) {
      if (known != of_shard.end()) of_shard.erase(known);
    } else if (known != of_shard.end()) {
      known->owner = {standing.address, standing.secret};
    } else {
      of_shard.push_back({member, {standing.address, standing.secret}});
    }
  }
}

Result<std::unique_ptr<Peers>> Peers::open(const MemberOptions& options, Parts parts) {
  std::unique_ptr<Peers> out{new Peers(options, std::move(parts))};
  Properties writing = common_properties(options);
  writing.emplace_back("enable.idempotence", "true");
  writing.emplace_back("linger.ms", "0");
  auto producer = make_client(RD_KAFKA_PRODUCER, writing);
  if (!producer) return tl::make_unexpected(producer.error());
  out->producer_ = std::move(*producer);
  auto consumer = make_client(RD_KAFKA_CONSUMER, reader_properties(options, "members"));
  if (!consumer) return tl::make_unexpected(consumer.error());
  out->consumer_ = std::move(*consumer);
  rd_kafka_poll_set_consumer(out->consumer_.get());
  out->queue_.reset(rd_kafka_queue_get_consumer(out->consumer_.get()));
  const PartitionsPtr list{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(list.get(), out->topic_.c_str(), kPartition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  if (auto code = rd_kafka_assign(out->consumer_.get(), list.get())) return away("reading who holds what", code);
  out->thread_ = std::thread([self = out.get()] { self->run(); });
  return out;
}

Peers::Peers(const MemberOptions& options, Parts parts)
    : options_(options),
      topic_(members_name(options.topics)),
      parts_(std::move(parts)),
      secret_(random_secret()),
      since_(wall_clock()) {}

Peers::~Peers() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (!told_ || succeeded_) return;
  tell(std::nullopt);
  rd_kafka_flush(producer_.get(), kFarewell_ms);
}

void Peers::announce(std::string address) {
  std::lock_guard lock{mutex_};
  address_ = std::move(address);
}

std::optional<Owner> Peers::owner_of(int shard) const {
  std::lock_guard lock{mutex_};
  auto found = claims_.find(shard);
  if (found == claims_.end() || found->second.empty() || found->second.back().member == options_.name)
    return std::nullopt;
  return found->second.back().owner;
}

std::map<std::string, Owner> Peers::others() const {
  std::lock_guard lock{mutex_};
  auto out = known_;
  out.erase(options_.name);
  return out;
}

void Peers::run() {
  while (!stopping_) {
    const MessagePtr message{rd_kafka_consume_queue(queue_.get(), kTick_ms)};
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) hear(*message);
    if (message && message->err != RD_KAFKA_RESP_ERR_NO_ERROR) complain(*message);
    rd_kafka_poll(producer_.get(), 0);
    Standing now;
    {
      std::lock_guard lock{mutex_};
      now.address = address_;
    }
    now.secret = secret_;
    now.shards = parts_.held();
    now.since = since_;
    const bool stale = told_ != encode(now) || std::chrono::steady_clock::now() - told_at_ > kAgain;
    if (!now.address.empty() && stale) tell(now);
    if (!message) parts_.tick();
  }
}

void Peers::hear(const rd_kafka_message_t& message) {
  const std::string member(static_cast<const char*>(message.key), message.key_len);
  const auto standing = decode_standing({static_cast<const char*>(message.payload), message.len});
  std::lock_guard lock{mutex_};
  take_claims(claims_, member, standing.value_or(Standing{}));  // none: it is gone
  if (standing)
    known_[member] = {standing->address, standing->secret};
  else
    known_.erase(member);
  if (standing && member == options_.name) hear_of_itself(*standing);
}

// What was said before this process said something itself, its predecessor said, whatever the clocks were then.
void Peers::hear_of_itself(const Standing& standing) {
  if (standing.secret == secret_) {
    heard_itself_ = true;
  } else if (heard_itself_ && !succeeded_ && is_succeeded({"", secret_, {}, since_}, standing)) {
    succeeded_ = true;
    parts_.succeeded();
  }
}

void Peers::complain(const rd_kafka_message_t& message) {
  const std::string now = rd_kafka_message_errstr(&message);
  if (now != std::exchange(complaint_, now)) spdlog::warn("kafka: hearing who holds what: {}", now);
}

void Peers::tell(const std::optional<Standing>& standing) {
  Message message;
  const std::string value = standing ? encode(*standing) : "";
  message.topic = topic_.c_str();
  message.partition = kPartition;
  message.key = options_.name;
  if (standing) message.value = value;                // a tombstone has none
  if (auto code = produce(producer_.get(), message))  // once more in a while
    spdlog::warn("kafka: telling who holds what: {}", rd_kafka_err2str(code));
  told_ = value;
  told_at_ = std::chrono::steady_clock::now();
}

}  // namespace echoloop::kafka
