#include "pipeline/kafka/peer_request.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

namespace echoloop::kafka {
namespace {

constexpr long kConnect_ms = 1'000;
constexpr std::string_view kSecret_header = "Echoloop-Secret";

struct EndHeaders {
  void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
};
using HeadersPtr = std::unique_ptr<curl_slist, EndHeaders>;

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(bytes, size * count);
  return size * count;
}

}  // namespace

Result<PeerAnswer> ask_peer(void* curl, const Owner& owner, const char* method, const std::string& path,
                            Duration timeout) {
  PeerAnswer out;
  const std::string url = owner.address + path, shown = fmt::format("{}: {}", kSecret_header, owner.secret);
  const HeadersPtr headers{curl_slist_append(nullptr, shown.c_str())};
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnect_ms);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out.body);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out.status);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
  if (code != CURLE_OK) return away("asking another member", curl_easy_strerror(code));
  return out;
}

std::optional<http::Response> refuse_stranger(const http::Request& request, const std::string& secret) {
  if (request.headers.get(kSecret_header) == secret) return std::nullopt;
  return http::problem(403, "Not for you", "members of a group ask each other here");
}

}  // namespace echoloop::kafka
