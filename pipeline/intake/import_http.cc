#include "pipeline/intake/import_http.h"

#include <curl/curl.h>
#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "pipeline/http/gzip.h"
#include "pipeline/intake/csv.h"

namespace echoloop {
namespace {

constexpr std::size_t kAnswerBytes_max = 64u << 20;  // every event of a batch refused with a long reason
constexpr long kConnect_s = 10;
constexpr long kSilence_s = 60;  // no byte in either direction for so long is a dead connection
constexpr Duration kFirstWait{250}, kLongestWait{8'000};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::optional<Duration> retry_after;
};

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size * count > kAnswerBytes_max) return 0;
  body.append(bytes, size * count);
  return size * count;
}

// A JSON document on one line. A line feed may stand between its tokens, never in a string, so minify() takes every
// allowed one away.
bool put_line(std::string& lines, std::string_view document) {
  if (document.find_first_of("\n\r") == std::string_view::npos) {
    lines.append(document);
  } else {
    std::string flat(document.size() + simdjson::SIMDJSON_PADDING, '\0');
    std::size_t size = 0;
    if (simdjson::minify(document.data(), document.size(), flat.data(), size) != simdjson::SUCCESS) return false;
    flat.resize(size);
    if (flat.find_first_of("\n\r") != std::string::npos) return false;
    lines.append(flat);
  }
  lines += '\n';
  return true;
}

class HttpSink : public ImportSink {
 public:
  HttpSink(HttpSinkOptions options, CURL* curl) : options_(std::move(options)), curl_(curl) {
    while (options_.url.ends_with('/')) options_.url.pop_back();
    headers_ = curl_slist_append(headers_, "Content-Type: application/x-ndjson");
    headers_ = curl_slist_append(headers_, "Content-Encoding: gzip");
    headers_ = curl_slist_append(headers_, "Expect:");  // no round trip before each body
    for (const std::string& header : options_.headers) headers_ = curl_slist_append(headers_, header.c_str());
  }
  ~HttpSink() override {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(curl_);
  }

  Result<std::vector<Refusal>> take(std::span<const std::string_view> events) override {
    std::vector<Refusal> refused;
    std::vector<std::size_t> sent;
    std::string lines;
    for (std::size_t i = 0; i <= events.size(); ++i) {
      const bool full = i == events.size() || lines.size() + events[i].size() > options_.batch_bytes ||
                        sent.size() >= options_.batch_events;
      if (full && !sent.empty()) {
        if (Result<void> done = send_events(events, sent, lines, refused); !done)
          return tl::make_unexpected(done.error());
        sent.clear();
        lines.clear();
      }
      if (i == events.size()) break;
      if (put_line(lines, events[i])) {
        sent.push_back(i);
      } else {
        refused.push_back({i, "", "not JSON: a line feed in a string, or a string without end"});
      }
    }
    std::sort(refused.begin(), refused.end(), [](const Refusal& a, const Refusal& b) { return a.index < b.index; });
    return refused;
  }

  Result<void> reject(std::span<const RejectedDocument> documents) override {
    std::string lines;
    std::size_t begun = 0;
    for (std::size_t i = 0; i <= documents.size(); ++i) {
      if (i == documents.size() || lines.size() > options_.batch_bytes) {
        if (i > begun) {
          Result<HttpAnswer> answer = post("/api/v1/dead", lines);
          if (!answer) return tl::make_unexpected(answer.error());
          if (answer->status == 413) {
            // What is too large for the server even alone is told by --rejects only.
            const std::size_t half = begun + (i - begun) / 2;
            for (auto [from, to] : {std::pair{begun, half}, {half, i}}) {
              if (i - begun == 1 || from == to) continue;
              if (Result<void> done = reject(documents.subspan(from, to - from)); !done) return done;
            }
          } else if (answer->status / 100 != 2) {
            return refusal_of(*answer, "/api/v1/dead");
          }
        }
        lines.clear();
        begun = i;
      }
      if (i == documents.size()) break;
      const RejectedDocument& one = documents[i];
      lines += "{\"document\":";
      append_text(lines, one.document);
      lines += ",\"reason\":";
      append_text(lines, one.reason);
      lines += ",\"where\":";
      append_text(lines, one.where);
      lines += ",\"adapter\":";
      append_text(lines, one.adapter);
      if (!options_.tenant.empty()) {
        lines += ",\"tenant\":";
        append_text(lines, options_.tenant);
      }
      lines += "}\n";
    }
    return {};
  }

  Result<std::int64_t> settle() override { return options_.settled ? options_.settled() : Result<std::int64_t>(0); }

 private:
  static void append_text(std::string& out, std::string_view text) {
    if (simdjson::validate_utf8(text.data(), text.size())) {
      append_json_string(out, text);
      return;
    }
    std::string ascii(text);
    std::replace_if(
        ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    append_json_string(out, ascii);
  }

  // `lines` holds the events whose indexes stand in `sent`.
  Result<void> send_events(std::span<const std::string_view> events, std::span<const std::size_t> sent,
                           const std::string& lines, std::vector<Refusal>& refused) {
    // A backfill: retention is for what streams in. And what is refused comes back as its source document.
    Result<HttpAnswer> answer = post("/api/v1/events?age=any&refused=told", lines);
    if (!answer) return tl::make_unexpected(answer.error());
    if (answer->status == 413) return send_halves(events, sent, refused);
    if (answer->status / 100 != 2) return refusal_of(*answer, "/api/v1/events");
    nlohmann::json body = nlohmann::json::parse(answer->body, nullptr, false);
    if (!body.is_object()) return broken_world(options_.url, "the server's answer is no JSON: is this an echoloop?");
    std::size_t turned_down = 0;
    for (const nlohmann::json& one : body.value("rejected", nlohmann::json::array())) {
      if (!one.is_object() || !one.contains("index") || !one["index"].is_number_unsigned()) continue;
      auto index = one["index"].get<std::size_t>();
      if (index >= sent.size()) return broken_world(options_.url, "the server rejects an event that was not sent");
      refused.push_back({sent[index], text_of(one, "where"), text_of(one, "reason")});
      ++turned_down;
    }
    if (!body.contains("accepted") || body["accepted"] != sent.size() - turned_down) {
      return broken_world(options_.url,
                          "the server's counts do not add up to the events sent: " + answer->body.substr(0, 200));
    }
    return {};
  }

  static std::string text_of(const nlohmann::json& object, const char* name) {
    auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  }

  // The server's limit is lower than ours: smaller pieces, down to the one event that is too large alone.
  Result<void> send_halves(std::span<const std::string_view> events, std::span<const std::size_t> sent,
                           std::vector<Refusal>& refused) {
    if (sent.size() == 1) {
      refused.push_back({sent[0], "", "larger than the server takes"});
      return {};
    }
    for (std::span<const std::size_t> half : {sent.first(sent.size() / 2), sent.subspan(sent.size() / 2)}) {
      std::string lines;
      for (std::size_t index : half) put_line(lines, events[index]);
      if (Result<void> done = send_events(events, half, lines, refused); !done) return done;
    }
    return {};
  }

  Result<void> refusal_of(const HttpAnswer& answer, const std::string& path) const {
    nlohmann::json problem = nlohmann::json::parse(answer.body, nullptr, false);
    std::string detail = problem.is_object() ? text_of(problem, "detail") : "";
    if (detail.empty() && problem.is_object()) detail = text_of(problem, "title");
    return broken_world(options_.url + path,
                        "the server answers " + std::to_string(answer.status) + (detail.empty() ? "" : ": " + detail));
  }

  bool wait(Duration time) const {
    if (options_.wait) return options_.wait(time);
    std::this_thread::sleep_for(time);
    return true;
  }

  // Answers what the server said in the end: never 429 or 503.
  Result<HttpAnswer> post(const std::string& path, const std::string& lines) {
    const std::string packed = http::gzip(lines);
    Duration pause = kFirstWait;
    for (int failures = 0;;) {
      HttpAnswer answer;
      std::string trouble = perform(path, packed, answer);
      Duration time = pause;
      if (trouble.empty()) {
        if (answer.status != 429 && answer.status != 503) return answer;
        failures = 0;  // it lives, and asks for time
        time = answer.retry_after.value_or(pause);
      } else if (++failures >= options_.tries_max) {
        return broken_world(options_.url, trouble);
      }
      pause = std::min(pause * 2, kLongestWait);
      if (!wait(time)) return broken_world(options_.url, "interrupted");
    }
  }

  // Empty when there was an answer, else what went wrong.
  std::string perform(const std::string& path, const std::string& packed, HttpAnswer& answer) {
    char reason[CURL_ERROR_SIZE] = "";
    const std::string url = options_.url + path;
    curl_easy_reset(curl_);
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl_, CURLOPT_POST, 1L);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, packed.data());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(packed.size()));
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT, kConnect_s);
    curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, kSilence_s);
    curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
    CURLcode code = curl_easy_perform(curl_);
    if (code != CURLE_OK) return reason[0] != '\0' ? reason : curl_easy_strerror(code);
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(curl_, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
      answer.retry_after = Duration{std::min<curl_off_t>(seconds, 3600) * kSecond_ms};
    }
    return "";
  }

  HttpSinkOptions options_;
  CURL* curl_;
  curl_slist* headers_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<ImportSink>> open_http_sink(HttpSinkOptions options) {
  CURLU* parts = curl_url();
  CURLUcode code = curl_url_set(parts, CURLUPART_URL, options.url.c_str(), 0);
  char* scheme = nullptr;
  bool good = code == CURLUE_OK && curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
  good = good && (std::string_view(scheme) == "http" || std::string_view(scheme) == "https");
  curl_free(scheme);
  curl_url_cleanup(parts);
  if (!good) return bad_configuration("--server", "'" + options.url + "' is no http:// or https:// address");
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* curl = ready == CURLE_OK ? curl_easy_init() : nullptr;
  if (curl == nullptr) return broken_world(options.url, "cannot start curl");
  return std::make_unique<HttpSink>(std::move(options), curl);
}

}  // namespace echoloop
