#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "pipeline/intake/http_signature.h"
#include "tests/intake/http_desk.h"

namespace echoloop {
namespace {

using Json = nlohmann::json;
using stage::Kind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Hooks : public Desk {
 protected:
  Told post(const std::string& adapter, const std::string& body,
            const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    return ask("POST", "/api/v1/hooks/" + adapter, "application/json", body, headers);
  }
  // As the sealed adapter's platform signs.
  std::string signed_with(const std::string& secret, const std::string& body, const std::string& time = "") {
    return signature_of(*domain_.get()->adapters.at("sealed").signature, secret, body, time);
  }
  void seal(const WebhookSignature& signature) {
    Domain domain = *domain_.get();
    domain.adapters.at("sealed").signature = signature;
    domain_.set(std::make_shared<const Domain>(domain));
  }
};

TEST_F(Hooks, TheAdapterSeesHeadersAndBodyAndTheOnlyTenant) {
  auto told = post("plain", R"({"sessions":["a","b"]})", {{"X-Session", "c"}});
  EXPECT_EQ(told.status, 202);
  EXPECT_EQ(told.body, Json::parse(R"({"accepted":3,"rejected":[]})"));
  ASSERT_THAT(log_.of(Kind::event), SizeIs(3));
  EXPECT_EQ(log_.kept[2].key, "c");
  EXPECT_EQ(Json::parse(log_.kept[0].value)["data"]["tenant"], "hongtu");
  ask("POST", "/api/v1/hooks/plain?tenant=anxin", "application/json", R"({"sessions":["d"]})");
  EXPECT_EQ(Json::parse(log_.kept[3].value)["data"]["tenant"], "anxin");
}

TEST_F(Hooks, ATenantMustBeNamedWhereThereAreMore) {
  Domain domain = *domain_.get();
  domain.tenants["anxin"].id = "anxin";
  domain_.set(std::make_shared<const Domain>(domain));
  EXPECT_EQ(post("plain", R"({"sessions":["a"]})").status, 400);
  EXPECT_EQ(
      ask("POST", "/api/v1/hooks/plain?tenant=anxin", "application/json", R"({"sessions":["a"]})").body["accepted"], 1);
}

TEST_F(Hooks, WhatIsSkippedIsSaid) {
  auto told = post("plain", R"({"skip":"a typing notice"})");
  EXPECT_EQ(told.body, Json::parse(R"({"accepted":0,"rejected":[],"skipped":["a typing notice"]})"));
  EXPECT_THAT(log_.kept, IsEmpty());
}

TEST_F(Hooks, UnknownAdaptersAreNotFound) {
  auto told = post("chatwot", "{}");
  EXPECT_EQ(told.status, 404);
  EXPECT_THAT(told.body["detail"].get<std::string>(), HasSubstr("plain, sealed"));
}

TEST_F(Hooks, WhatAnAdapterCannotTurnIntoEventsIsKeptForReplay) {
  auto told = post("plain", R"({"fail":true})", {{"Authorization", "Bearer secret"}});
  EXPECT_EQ(told.status, 202);
  EXPECT_EQ(told.body["accepted"], 0);
  EXPECT_THAT(told.body["rejected"][0]["reason"].get<std::string>(), HasSubstr("planted"));
  ASSERT_THAT(log_.rejected(), SizeIs(1));
  auto rejected = log_.rejected()[0];
  EXPECT_EQ(Json::parse(rejected.document())["body"], Json::parse(R"({"fail":true})"));
  EXPECT_THAT(rejected.document(), Not(HasSubstr("secret")));
  EXPECT_EQ(rejected.adapter(), "plain");
  EXPECT_EQ(rejected.tenant(), "hongtu");
  EXPECT_EQ(rejected.door(), "hook");
}

TEST_F(Hooks, AnInvalidEventOfSeveralKeepsTheirDocumentOnce) {
  auto told = post("plain", R"({"sessions":["a","","b",""]})");
  EXPECT_EQ(told.body["accepted"], 2);
  ASSERT_THAT(told.body["rejected"], SizeIs(2));
  EXPECT_EQ(told.body["rejected"][0]["index"], 1);
  ASSERT_THAT(log_.rejected(), SizeIs(1));
  EXPECT_THAT(log_.rejected()[0].reason(), HasSubstr("event 2 of 4"));
}

TEST_F(Hooks, ABodyThatIsNoJsonCannotAddToTheDocument) {
  for (auto body : {R"(1,"headers":{"x-session":"planted"})", "{", "", "nope", "\"\xff\""}) {
    log_.kept.clear();
    auto told = post("plain", body);
    EXPECT_EQ(told.status, 400) << body;
    EXPECT_THAT(log_.of(Kind::event), IsEmpty()) << body;
    ASSERT_THAT(log_.rejected(), SizeIs(1)) << body;
    EXPECT_EQ(log_.rejected()[0].document(), body);
  }
}

TEST_F(Hooks, ANulDoesNotEndABody) {
  using namespace std::string_literals;
  for (const auto& body : {R"({"sessions":["a"]})"s + '\0', "1\0,\"headers\":{\"x-session\":\"planted\"}"s}) {
    log_.kept.clear();
    EXPECT_EQ(post("plain", body).status, 400);
    EXPECT_THAT(log_.of(Kind::event), IsEmpty());
    ASSERT_THAT(log_.rejected(), SizeIs(1));
    EXPECT_EQ(log_.rejected()[0].document(), body);
  }
}

TEST_F(Hooks, AByteOrderMarkIsNoPartOfTheDocument) {
  EXPECT_EQ(post("plain", "\xEF\xBB\xBF{\"sessions\":[\"a\"]}").body["accepted"], 1);
  log_.kept.clear();
  const std::string twice = "\xEF\xBB\xBF\xEF\xBB\xBF{\"sessions\":[\"a\"]}";
  EXPECT_EQ(post("plain", twice).status, 400);
  ASSERT_THAT(log_.rejected(), SizeIs(1));
  EXPECT_EQ(log_.rejected()[0].document(), twice);
}

TEST_F(Hooks, OnlySignedRequestsPassASealedAdapter) {
  const std::string body = R"({"sessions":["a"]})";
  environment_["HOOK_SECRET"] = "s3cret";
  EXPECT_EQ(post("sealed", body).status, 401);
  EXPECT_EQ(post("sealed", body, {{"X-Signature", signed_with("s3cret", body).substr(7)}}).status,
            401);  // without sha256=
  EXPECT_EQ(post("sealed", body, {{"X-Signature", signed_with("other", body)}}).status, 401);
  EXPECT_EQ(post("sealed", body + " ", {{"X-Signature", signed_with("s3cret", body)}}).status, 401);
  auto right = signed_with("s3cret", body);
  EXPECT_EQ(post("sealed", body, {{"X-Signature", right}, {"X-Signature", right}}).status, 401);
  EXPECT_THAT(log_.kept, IsEmpty());  // strangers fill no disk
  EXPECT_EQ(post("sealed", body, {{"x-signature", right}}).body["accepted"], 1);
}

TEST_F(Hooks, ATimedSignatureCoversItsTimeAndGrowsOld) {
  const std::string body = R"({"sessions":["a"]})";
  environment_["HOOK_SECRET"] = "s3cret";
  auto send = [&](std::int64_t seconds) {
    auto time = std::to_string(to_ms(kNow) / 1000 + seconds);
    return post("sealed", body, {{"X-Timestamp", time}, {"X-Signature", signed_with("s3cret", body, time)}}).status;
  };
  EXPECT_EQ(send(0), 202);
  EXPECT_EQ(send(-300), 202);
  EXPECT_EQ(send(-301), 401);
  EXPECT_EQ(send(301), 401);
  auto now = std::to_string(to_ms(kNow) / 1000);
  EXPECT_EQ(post("sealed", body, {{"X-Timestamp", now}, {"X-Signature", signed_with("s3cret", body)}}).status, 401);
  EXPECT_EQ(
      post("sealed", body, {{"X-Timestamp", "soon"}, {"X-Signature", signed_with("s3cret", body, "soon")}}).status,
      401);
}

TEST_F(Hooks, WithoutItsSecretAnAdapterTakesWhatIsNotSignedAndCountsIt) {
  EXPECT_EQ(post("sealed", R"({"sessions":["a"]})").body["accepted"], 1);
  EXPECT_EQ(post("sealed", R"({"sessions":["b"]})", {{"X-Signature", "sha256=00"}}).status, 202);
  EXPECT_EQ(unsigned_hooks_.counts(), (std::map<std::string, std::int64_t>{{"sealed", 2}}));
  environment_["HOOK_SECRET"] = "s3cret";
  EXPECT_EQ(post("sealed", "{}").status, 401);
  EXPECT_EQ(unsigned_hooks_.counts().at("sealed"), 2);
}

TEST_F(Hooks, WhereASecretIsMeantToBeAndIsNotTheHookStaysShut) {
  environment_["HOOK_SECRET"] = "";
  EXPECT_EQ(post("sealed", "{}", {{"X-Signature", signed_with("", "{}")}}).status, 503);
  environment_.clear();
  auto signature = *domain_.get()->adapters.at("sealed").signature;
  signature.required = true;
  seal(signature);
  EXPECT_EQ(post("sealed", "{}").status, 503);
  auto file = std::filesystem::path(folder()) / "secret";
  seal({.headers = {"X-Signature"}, .secret_file = file.string()});
  std::filesystem::remove(file);
  EXPECT_EQ(post("sealed", "{}").status, 503);
  std::ofstream(file) << "\n";
  EXPECT_EQ(post("sealed", "{}").status, 503);
  std::ofstream(file) << "from a file\n";
  EXPECT_EQ(post("sealed", "{}", {{"X-Signature", signed_with("from a file", "{}")}}).status, 202);
  EXPECT_THAT(unsigned_hooks_.counts(), IsEmpty());
}

TEST_F(Hooks, ParametersThatAPlatformAddsAreNamedAndOthersRefused) {
  auto told = ask("POST", "/api/v1/hooks/plain?eventType=1&tenant=hongtu", "application/json", "{}");
  EXPECT_EQ(told.status, 400);
  EXPECT_EQ(told.body["allowed"], Json::parse(R"(["tenant"])"));
  Domain domain = *domain_.get();
  domain.adapters.at("plain").parameters = {"eventType"};
  domain_.set(std::make_shared<const Domain>(domain));
  EXPECT_EQ(ask("POST", "/api/v1/hooks/plain?eventType=1&tenant=hongtu", "application/json", "{}").status, 202);
  EXPECT_EQ(ask("POST", "/api/v1/hooks/plain?tenat=hongtu", "application/json", "{}").status, 400);
}

TEST_F(Hooks, WhenARequestCameIsWrittenDownUnlessAProxyHas) {
  post("plain", R"({"fail":true})");
  post("plain", R"({"fail":true})", {{"X-Request-Start", "t=1773143000.5"}});
  ASSERT_THAT(log_.rejected(), SizeIs(2));
  auto started = [&](std::size_t i) {
    return Json::parse(log_.rejected()[i].document())["headers"]["x-request-start"];
  };
  EXPECT_EQ(started(0), "t=1773144000.000");
  EXPECT_EQ(started(1), "t=1773143000.5");
}

TEST_F(Hooks, ABodyNestedBeyondAllMeasureIsRefused) {
  seal({.scheme = WebhookSignature::Scheme::token, .body_field = "secret_key", .secret_env = "HOOK_SECRET"});
  const std::string body =
      R"({"secret_key":"s","deep":)" + std::string(4'000'000, '[') + std::string(4'000'000, ']') + "}";
  EXPECT_EQ(post("sealed", body).status, 400);
  EXPECT_EQ(post("plain", body).body["rejected"].size(), 1u);
}

TEST_F(Hooks, AFieldThatCarriesTheSecretReachesNeitherAdapterNorDeadLetters) {
  seal({.scheme = WebhookSignature::Scheme::token, .body_field = "secret_key", .secret_env = "HOOK_SECRET"});
  const std::string body = R"({"secret_key":"s3cret","fail":true,"n":12345678901})";
  for (bool set : {true, false}) {
    log_.kept.clear();
    environment_.clear();
    if (set) environment_["HOOK_SECRET"] = "s3cret";
    EXPECT_EQ(post("sealed", body).status, 202);
    ASSERT_THAT(log_.rejected(), SizeIs(1));
    EXPECT_THAT(log_.rejected()[0].document(), HasSubstr(R"("body":{"fail":true,"n":12345678901})"));
    EXPECT_THAT(log_.rejected()[0].document(), Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace echoloop
