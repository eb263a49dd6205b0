#include "pipeline/delivery/keys.h"

#include <limits>

#include "pipeline/base/bytes.h"

namespace echoloop::delivery {

std::string endpoint_key(std::string_view id) {
  std::string key = "endpoint";
  put_key_text(key, id);
  return key;
}

std::string again_prefix() {
  std::string key;
  put_key_text(key, "again");
  return key;
}

std::string again_key(const state::Delivery& delivery) { return again_prefix() + delivery_key(delivery); }

std::string again_endpoint(std::string_view key) {
  KeyReader reader{key};
  return reader.text() == "again" ? reader.text() : std::string{};
}

std::string delivery_prefix(std::string_view endpoint) {
  std::string key;
  put_key_text(key, endpoint);
  return key;
}

std::string delivery_key(const state::Delivery& delivery) {
  std::string key = delivery_prefix(delivery.endpoint());
  put_key_time(key, std::numeric_limits<std::int64_t>::max() - delivery.at());
  put_key_text(key, delivery.events_size() > 0 ? delivery.events(0) : "");
  put_key_u32(key, static_cast<std::uint32_t>(delivery.attempt()));
  return key;
}

}  // namespace echoloop::delivery
