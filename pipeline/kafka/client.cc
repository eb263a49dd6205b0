#include "pipeline/kafka/client.h"

#include <spdlog/spdlog.h>
#include <syslog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <limits>
#include <thread>

namespace echoloop::kafka {
namespace {

void tell(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  const auto ours = level <= LOG_ERR       ? spdlog::level::err
                    : level <= LOG_WARNING ? spdlog::level::warn
                                           : spdlog::level::debug;
  spdlog::log(ours, "kafka {}: {}: {}", client == nullptr ? "" : rd_kafka_name(client), facility, text);
}

constexpr std::chrono::seconds kEnd{3};

}  // namespace

void note_error(rd_kafka_t* client, int code, const char* reason, void*) {
  spdlog::warn("kafka {}: {}: {}", rd_kafka_name(client), rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(code)),
               reason);
}

void end_client(rd_kafka_t* client) {
  std::promise<void> ended;
  auto end = ended.get_future();
  std::thread ending{[client, ended = std::move(ended)]() mutable {
    rd_kafka_destroy(client);
    ended.set_value();
  }};
  if (end.wait_for(kEnd) == std::future_status::ready) return ending.join();
  ending.detach();
  spdlog::warn("kafka: a client does not end, as after a topic was deleted: it is left behind");
}

Result<ClientPtr> make_client(rd_kafka_type_t type, const Properties& properties, const Callbacks& callbacks) {
  std::array<char, 512> why{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    return bad_configuration("kafka", why.data());
  }
  rd_kafka_conf_set_log_cb(conf, tell);
  rd_kafka_conf_set_error_cb(conf, callbacks.failed != nullptr ? callbacks.failed : note_error);
  rd_kafka_conf_set_opaque(conf, callbacks.opaque);
  if (callbacks.rebalance != nullptr) rd_kafka_conf_set_rebalance_cb(conf, callbacks.rebalance);
  if (callbacks.delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, callbacks.delivered);
  rd_kafka_t* client = rd_kafka_new(type, conf, why.data(), why.size());
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return bad_configuration("kafka", why.data());
  }
  return ClientPtr{client};
}

tl::unexpected<Error> away(std::string_view doing, std::string_view reason) {
  return tl::make_unexpected(Error{Fault::away, "kafka", fmt::format("{}: {}", doing, reason)});
}

tl::unexpected<Error> away(std::string_view doing, rd_kafka_resp_err_t code) {
  return away(doing, rd_kafka_err2str(code));
}

Result<void> check(std::string_view doing, rd_kafka_error_t* error) {
  if (error == nullptr) return {};
  const ErrorPtr held{error};
  return away(doing, rd_kafka_error_string(error));
}

int milliseconds(Duration duration) {
  return static_cast<int>(std::clamp<std::int64_t>(duration.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace echoloop::kafka
