#include "pipeline/program/server_client.h"

#include <curl/curl.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

namespace echoloop::program {
namespace {

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(bytes, size * count);
  return size * count;
}

// How long between two looks at /readyz.
constexpr std::chrono::milliseconds kLook_interval{50};

}  // namespace

Result<ServerAnswer> ask_server(const std::string& server, const std::string& method, const std::string& path,
                                const std::string& body) {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), curl_easy_cleanup};
  ServerAnswer answer;
  std::string url = server + path;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  if (method == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers{
      curl_slist_append(nullptr, "Content-Type: application/json"), curl_slist_free_all};
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return broken_world(server, fmt::format("no answer: {}", curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

Result<std::int64_t> server_metric(const std::string& server, std::string_view series) {
  auto answer = ask_server(server, "GET", "/metrics");
  if (!answer) return tl::make_unexpected(answer.error());
  std::size_t at = answer->body.find("\n" + std::string(series) + " ");
  if (at == std::string::npos) return 0;
  return std::llround(std::strtod(answer->body.c_str() + at + series.size() + 2, nullptr));
}

Result<void> wait_ready(const std::string& server) {
  while (true) {
    auto answer = ask_server(server, "GET", "/readyz");
    if (!answer) return tl::make_unexpected(answer.error());
    if (answer->status == 200) return {};
    if (answer->body.find("stopped") != std::string::npos) return broken_world(server, "its engine has stopped");
    std::this_thread::sleep_for(kLook_interval);
  }
}

}  // namespace echoloop::program
