// The signatures of the shipped adapters against vectors that Python's hmac, hashlib and base64 have computed.
#include "pipeline/intake/http_signature.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "schemas/domain_load.h"

namespace echoloop {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr Time kNow{std::chrono::sys_days{std::chrono::year{2026} / 3 / 10} + std::chrono::hours{12}};
const std::string kSecret = "s3cret-0123456789", kBody = R"({"sessions":["会话"]})";

const Domain& shipped() {
  static const LoadedDomain loaded = load_domain(std::string{ECHOLOOP_SOURCE_DIR} + "/config");
  return *loaded;
}

http::Request request_of(const Fields& headers, const Fields& query, const std::string& body) {
  http::Request request;
  request.body = body;
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  for (const auto& [name, value] : query) request.query.add(name, std::vector<std::string>{value});
  return request;
}

std::string outcome(const WebhookSignature& signature, const http::Request& request, Time now = kNow,
                    const std::string& secret = kSecret) {
  auto checked = check_signature(signature, secret, request, now);
  return checked ? "good" : checked.error().text();
}

struct Vector {
  std::string adapter;
  Fields headers, query;
  std::string body = kBody;
};

const std::vector<Vector>& vectors() {
  static const std::string kToken = kSecret, kUnix = "1773144000";
  static const std::vector<Vector> kVectors = {
      {"chatwoot",
       {{"X-Chatwoot-Signature", "sha256=f8ef16c1e3e89e3c978a82b5d685a03bf866207b419ba0af23be0170c9d2b779"},
        {"X-Chatwoot-Timestamp", kUnix}},
       {}},
      {"chatwoot",
       {{"X-Chatwoot-Signature", "sha256=fbbbd3637488b609c3664d44120f8ca187db034fbafc41d835903d9cc9bd87c1"}},
       {}},
      {"zendesk",
       {{"X-Zendesk-Webhook-Signature", "EK0iDVBsKMpoq3jsBvaLQufkByywwMe6AdPiUU6EWXQ="},
        {"X-Zendesk-Webhook-Signature-Timestamp", "2026-03-10T12:00:00Z"}},
       {}},
      {"intercom", {{"X-Hub-Signature", "sha1=f70c28c73e09025558327d2e5aef1b23a532d4e1"}}, {}},
      {"qiyu", {}, {{"time", kUnix}, {"checksum", "c178eee6ed33f83005cd4d1c12ee975ca8996a2d"}}},
      {"meiqia", {{"Meiqia-Signature", "00ff4290c115d5dfe551e7fe75aacaa4b0228ae5"}}, {}},
      {"meiqia", {{"Meiqia-Sign", "00FF4290C115D5DFE551E7FE75AACAA4B0228AE5"}}, {}},
      {"rocketchat", {{"X-RocketChat-Livechat-Token", kToken}}, {}},
      {"freshdesk", {{"X-Echoloop-Token", kToken}}, {}},
      {"huawei-cec", {{"X-Echoloop-Token", kToken}}, {}},
      {"udesk", {}, {{"token", kToken}}},
      {"livechat", {}, {}, R"({"action":"thread_tagged","secret_key":"s3cret-0123456789"})"},
  };
  return kVectors;
}

TEST(Signature, EveryPlatformsOwnIsAccepted) {
  for (const Vector& vector : vectors()) {
    const auto& signature = *shipped().adapters.at(vector.adapter).signature;
    EXPECT_EQ(outcome(signature, request_of(vector.headers, vector.query, vector.body)), "good") << vector.adapter;
  }
  for (const auto& [name, adapter] : shipped().adapters) {
    const bool own = name == "csv" || name == "support-csv" || name == "cloudevents";  // of no platform
    EXPECT_EQ(adapter.signature.has_value(), !own) << name;
  }
}

TEST(Signature, AnotherSecretOrBodyIsRefused) {
  for (const Vector& vector : vectors()) {
    const auto& signature = *shipped().adapters.at(vector.adapter).signature;
    const auto request = request_of(vector.headers, vector.query, vector.body);
    EXPECT_NE(outcome(signature, request, kNow, "s3cret-0123456788"), "good") << vector.adapter;
    EXPECT_NE(outcome(signature, request, kNow, kSecret + "0"), "good") << vector.adapter;
    const auto told = outcome(signature, request, kNow, "another");
    EXPECT_EQ(told.find(kSecret), std::string::npos) << told;
    if (signature.scheme == WebhookSignature::Scheme::token) continue;
    EXPECT_NE(outcome(signature, request_of(vector.headers, vector.query, vector.body + " ")), "good")
        << vector.adapter;
  }
}

TEST(Signature, MissingRepeatedAndChangedOnesAreRefused) {
  for (const Vector& vector : vectors()) {
    const auto& signature = *shipped().adapters.at(vector.adapter).signature;
    EXPECT_NE(outcome(signature, request_of({}, {}, kBody)), "good") << vector.adapter;
    for (bool of_query : {false, true}) {
      const Fields& fields = of_query ? vector.query : vector.headers;
      for (std::size_t i = 0; i < fields.size(); ++i) {
        Fields twice = fields, changed = fields;
        twice.push_back(fields[i]);
        changed[i].second.back() = changed[i].second.back() == '0' ? '1' : '0';
        for (const Fields& bad : {twice, changed}) {
          const auto request =
              of_query ? request_of(vector.headers, bad, vector.body) : request_of(bad, vector.query, vector.body);
          EXPECT_NE(outcome(signature, request), "good") << vector.adapter << " " << fields[i].first;
        }
      }
    }
  }
  const auto& livechat = *shipped().adapters.at("livechat").signature;
  for (const char* body : {"[]", "{", R"({"secret_key":7})", R"({"payload":{"secret_key":"s3cret-0123456789"}})"})
    EXPECT_NE(outcome(livechat, request_of({}, {}, body)), "good") << body;
}

TEST(Signature, ASignedTimeMayBeFiveMinutesOff) {
  int timed = 0;
  for (const Vector& vector : vectors()) {
    const auto& signature = *shipped().adapters.at(vector.adapter).signature;
    const auto request = request_of(vector.headers, vector.query, vector.body);
    const bool has_time = vector.headers.size() + vector.query.size() == 2;
    timed += has_time ? 1 : 0;
    for (int sign : {-1, 1}) {
      EXPECT_EQ(outcome(signature, request, kNow + sign * kSignatureAge_max), "good") << vector.adapter;
      const auto later = outcome(signature, request, kNow + sign * (kSignatureAge_max + Duration{1}));
      EXPECT_EQ(later == "good", !has_time) << vector.adapter << ": " << later;
    }
  }
  EXPECT_EQ(timed, 3);  // Chatwoot, Zendesk, Qiyu
}

TEST(Signature, TimesAreReadAsSecondsMillisecondsOrRfc3339) {
  WebhookSignature signature{.headers = {"S"}, .timestamp_header = "T"};
  signature.message = "{time}.{body}";
  for (const char* time : {"1773144000", "1773144000000", "2026-03-10T20:00:00+08:00"}) {
    const auto made = signature_of(signature, kSecret, kBody, time);
    EXPECT_EQ(outcome(signature, request_of({{"S", made}, {"T", time}}, {}, kBody)), "good") << time;
  }
  for (const char* time : {"", "now", "-5", "17731440000000000", "2026-03-10"}) {
    const auto made = signature_of(signature, kSecret, kBody, time);
    EXPECT_NE(outcome(signature, request_of({{"S", made}, {"T", time}}, {}, kBody)), "good") << time;
  }
  EXPECT_NE(outcome(signature, request_of({{"S", signature_of(signature, kSecret, kBody, "")}}, {}, kBody)), "good");
}

TEST(Signature, APlatformNotShippedIsDescribedByItsParts) {
  WebhookSignature signature{.scheme = WebhookSignature::Scheme::sha256,
                             .encoding = WebhookSignature::Encoding::base64,
                             .message = "{secret}{body}",
                             .query = "sign"};
  EXPECT_EQ(outcome(signature, request_of({}, {{"sign", "89Cjb1YNmyYL4rZKzzeXlCx7WLG3rhV1RGUF66SG5A8="}}, kBody)),
            "good");
  // What the body holds is text, whatever it looks like.
  signature.message = "{secret}{body}{secret}";
  auto plain = signature;
  plain.message = "k{body}k";
  EXPECT_EQ(signature_of(signature, "k", "{secret}", ""), signature_of(plain, "", "{secret}", ""));
}

}  // namespace
}  // namespace echoloop
