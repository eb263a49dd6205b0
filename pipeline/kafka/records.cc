#include "pipeline/kafka/records.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "schemas/codec.h"
#include "schemas/state.pb.h"

namespace echoloop::kafka {
namespace {

constexpr std::string_view kEpoch = "epoch=", kPartitions = " partitions=";
constexpr std::size_t kHeaders_max = 9;  // more than any record of ours has

template <class T>
T number_of(std::string_view text) {
  T out{};
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::optional<std::string_view> header(const rd_kafka_headers_t* headers, const char* name) {
  const void* value = nullptr;
  std::size_t size = 0;
  if (rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return std::string_view{static_cast<const char*>(value), size};
}

// What the headers say: of our own records their kind, by which they are told from those of others; of an event in
// binary mode its attributes.
void read_headers(const rd_kafka_message_t& message, bool by_wall, std::deque<std::string>& texts, stage::Record& out) {
  out.kind = stage::Kind::event;
  out.foreign = by_wall && !out.misplaced;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  if (const auto kind = header(headers, kKind_header)) {
    out.kind = stage::Kind{number_of<std::uint8_t>(*kind)};
    out.foreign = false;
  }
  if (!header(headers, "ce_specversion")) return;
  const Attributes attributes{header(headers, "ce_specversion"), header(headers, "ce_type"),
                              header(headers, "ce_source"),      header(headers, "ce_id"),
                              header(headers, "ce_subject"),     header(headers, "ce_time")};
  out.value = texts.emplace_back(structured(attributes, out.value));
}

}  // namespace

stage::Record record_of(const rd_kafka_message_t& message, stage::Topic topic, Time latest,
                        std::deque<std::string>& texts) {
  stage::Record out;
  out.key = {static_cast<const char*>(message.key), message.key_len};
  out.value = {static_cast<const char*>(message.payload), message.len};
  out.offset = message.offset;
  rd_kafka_timestamp_type_t type{};
  const std::int64_t at = rd_kafka_message_timestamp(&message, &type);
  out.at = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? Time{} : std::min(from_ms(at), latest);
  out.misplaced = topic == stage::Topic::misplaced;
  if (topic == stage::Topic::events || out.misplaced) {
    read_headers(message, latest != Time::max(), texts, out);
  } else if (topic == stage::Topic::tasks) {
    out.kind = stage::Kind::task;
  } else if (!out.value.empty()) {
    out.kind = stage::Kind{static_cast<std::uint8_t>(out.value.front())};
    out.value.remove_prefix(1);
  }
  return out;
}

namespace {

Outgoing dead_letter(const std::string& bytes, std::string_view prefix) {
  state::DeadNotice notice;
  notice.ParseFromString(bytes);
  state::Rejected& rejected = *notice.mutable_rejected();
  Outgoing out{std::move(*rejected.mutable_document()), {}};
  const std::string where = rejected.where().empty() ? "" : rejected.where() + ": ";
  out.headers = {{"__streams.errors.exception", "echoloop.Rejected"},
                 {"__streams.errors.message", where + rejected.reason()},
                 {"__streams.errors.stacktrace", fmt::format("at {} ({})", rejected.where(), rejected.door())},
                 {"__streams.errors.topic", fmt::format("{}{}", prefix, notice.topic())},
                 {"__streams.errors.partition", std::to_string(notice.partition())},
                 {"__streams.errors.offset", std::to_string(notice.offset())},
                 {kDead_header, notice.id()}};
  if (!rejected.tenant().empty()) out.headers.emplace_back("echoloop-tenant", rejected.tenant());
  if (!rejected.adapter().empty()) out.headers.emplace_back("echoloop-adapter", rejected.adapter());
  return out;
}

}  // namespace

Outgoing outgoing(stage::Topic topic, stage::Kind kind, std::string value, std::string_view prefix) {
  switch (topic) {
    case stage::Topic::events:
    case stage::Topic::misplaced:
      return {std::move(value), {{kKind_header, std::to_string(static_cast<int>(kind))}}};
    case stage::Topic::deltas:
    case stage::Topic::cases:
      value.insert(value.begin(), static_cast<char>(kind));
      return {std::move(value), {}};
    case stage::Topic::dead:
      return dead_letter(value, prefix);
    case stage::Topic::customers:
      if (value.empty()) return {};
      return {std::move(value), {{"content-type", "application/json; charset=utf-8"}}};
    case stage::Topic::tasks:
      break;
  }
  return {std::move(value), {{"content-type", "application/cloudevents+json; charset=utf-8"}}};
}

rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Message& message) {
  std::array<rd_kafka_vu_t, 7 + kHeaders_max> fields;
  std::size_t n = 0;
  const auto add = [&](rd_kafka_vtype_t type) -> auto& {
    fields[n] = {};
    fields[n].vtype = type;
    return fields[n++].u;
  };
  const auto bytes = [](std::string_view text, auto& field) {
    field.ptr = const_cast<char*>(text.data());
    field.size = text.size();
  };
  add(RD_KAFKA_VTYPE_TOPIC).cstr = message.topic;
  add(RD_KAFKA_VTYPE_PARTITION).i32 = message.partition;
  add(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
  bytes(message.key, add(RD_KAFKA_VTYPE_KEY).mem);
  if (message.value) bytes(*message.value, add(RD_KAFKA_VTYPE_VALUE).mem);
  if (message.at) add(RD_KAFKA_VTYPE_TIMESTAMP).i64 = to_ms(*message.at);
  for (std::size_t i = 0; message.headers != nullptr && i < std::min(message.headers->size(), kHeaders_max); ++i) {
    const auto& [name, value] = (*message.headers)[i];
    auto& header = add(RD_KAFKA_VTYPE_HEADER).header;
    header.name = name;
    header.val = value.data();
    header.size = static_cast<ssize_t>(value.size());
  }
  add(RD_KAFKA_VTYPE_OPAQUE).ptr = message.opaque;
  const ErrorPtr error{rd_kafka_produceva(producer, fields.data(), n)};
  return error ? rd_kafka_error_code(error.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::string offset_metadata(std::int64_t epoch, int partitions) {
  return fmt::format("{}{}{}{}", kEpoch, epoch, kPartitions, partitions);
}

std::int64_t epoch_of_metadata(std::string_view metadata) {
  if (!metadata.starts_with(kEpoch)) return 0;
  return number_of<std::int64_t>(metadata.substr(kEpoch.size()));
}

int partitions_of_metadata(std::string_view metadata) {
  const auto at = metadata.find(kPartitions);
  return at == std::string_view::npos ? 0 : number_of<int>(metadata.substr(at + kPartitions.size()));
}

}  // namespace echoloop::kafka
