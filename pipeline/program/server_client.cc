#include "pipeline/program/server_client.h"

#include <curl/curl.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

namespace echoloop::program {
namespace {

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

Curl open_curl(const std::string& url) {
  Curl curl{curl_easy_init(), curl_easy_cleanup};
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  return curl;
}

int status_of(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

tl::unexpected<Error> no_answer(const std::string& server, CURLcode code) {
  return broken_world(server, fmt::format("no answer: {}", curl_easy_strerror(code)));
}

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(bytes, size * count);
  return size * count;
}

constexpr std::size_t kProblem_max_bytes = 64u << 10;

// A body on its way: handed on where it is the answer, kept where it says what is wrong.
struct Copy {
  CURL* curl;
  const std::function<void(std::string_view)>& hand_on;
  std::string problem;

  static std::size_t take(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& copy = *static_cast<Copy*>(self);
    std::string_view piece{bytes, size * count};
    if (status_of(copy.curl) == 200) {
      copy.hand_on(piece);
    } else if (copy.problem.size() < kProblem_max_bytes) {
      copy.problem.append(piece);
    }
    return piece.size();
  }
};

// How long between two looks at /readyz.
constexpr std::chrono::milliseconds kLook_interval{50};

}  // namespace

Result<ServerAnswer> ask_server(const std::string& server, const std::string& method, const std::string& path,
                                const std::string& body, const std::string& type) {
  Curl curl = open_curl(server + path);
  ServerAnswer answer;
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  if (method == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers{
      curl_slist_append(nullptr, ("Content-Type: " + type).c_str()), curl_slist_free_all};
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  if (CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) return no_answer(server, code);
  answer.status = status_of(curl.get());
  return answer;
}

Result<void> copy_from_server(const std::string& server, const std::string& path,
                              const std::function<void(std::string_view)>& take) {
  Curl curl = open_curl(server + path);
  Copy copy{curl.get(), take, {}};
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Copy::take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &copy);
  if (CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) return no_answer(server, code);
  int status = status_of(curl.get());
  if (status == 200) return {};
  auto problem = nlohmann::json::parse(copy.problem, nullptr, false);
  std::string detail = problem.is_object() ? problem.value("detail", std::string{}) : std::string{};
  if (detail.empty()) detail = fmt::format("answers with status {}", status);
  bool question = status == 400 || status == 404 || status == 422;
  return tl::make_unexpected(Error{question ? Fault::bad_input : Fault::world, server, std::move(detail)});
}

std::string url_escaped(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
                 c == '.' || c == '~';
    out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return out;
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
    if (answer->body.find("catching up") == std::string::npos)
      return broken_world(server, answer->body.substr(0, answer->body.find('\n')));
    std::this_thread::sleep_for(kLook_interval);
  }
}

}  // namespace echoloop::program
