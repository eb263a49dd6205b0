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

TEST_F(Hooks, OnlySignedRequestsPassASealedAdapter) {
  const std::string body = R"({"sessions":["a"]})";
  environment_["HOOK_SECRET"] = "s3cret";
  EXPECT_EQ(post("sealed", body).status, 401);
  EXPECT_EQ(post("sealed", body, {{"X-Signature", hmac_sha256("s3cret", body)}}).status, 401);  // without its prefix
  EXPECT_EQ(post("sealed", body, {{"X-Signature", "sha256=" + hmac_sha256("other", body)}}).status, 401);
  EXPECT_EQ(post("sealed", body + " ", {{"X-Signature", "sha256=" + hmac_sha256("s3cret", body)}}).status, 401);
  auto right = "sha256=" + hmac_sha256("s3cret", body);
  EXPECT_EQ(post("sealed", body, {{"X-Signature", right}, {"X-Signature", right}}).status, 401);
  EXPECT_THAT(log_.kept, IsEmpty());  // strangers fill no disk
  EXPECT_EQ(post("sealed", body, {{"x-signature", right}}).body["accepted"], 1);
}

TEST_F(Hooks, ATimedSignatureCoversItsTimeAndGrowsOld) {
  const std::string body = R"({"sessions":["a"]})";
  environment_["HOOK_SECRET"] = "s3cret";
  auto send = [&](std::int64_t seconds) {
    auto time = std::to_string(to_ms(kNow) / 1000 + seconds);
    return post("sealed", body,
                {{"X-Timestamp", time}, {"X-Signature", "sha256=" + hmac_sha256("s3cret", time + "." + body)}})
        .status;
  };
  EXPECT_EQ(send(0), 202);
  EXPECT_EQ(send(-300), 202);
  EXPECT_EQ(send(-301), 401);
  EXPECT_EQ(send(301), 401);
  auto now = std::to_string(to_ms(kNow) / 1000);
  EXPECT_EQ(
      post("sealed", body, {{"X-Timestamp", now}, {"X-Signature", "sha256=" + hmac_sha256("s3cret", body)}}).status,
      401);
  EXPECT_EQ(post("sealed", body,
                 {{"X-Timestamp", "soon"}, {"X-Signature", "sha256=" + hmac_sha256("s3cret", "soon." + body)}})
                .status,
            401);
}

TEST_F(Hooks, WithoutItsSecretASealedAdapterStaysShut) {
  EXPECT_EQ(post("sealed", "{}").status, 503);
  environment_["HOOK_SECRET"] = "";
  EXPECT_EQ(post("sealed", "{}", {{"X-Signature", "sha256=" + hmac_sha256("", "{}")}}).status, 503);
  Domain domain = *domain_.get();
  auto file = std::filesystem::path(folder()) / "secret";
  std::ofstream(file) << "from a file\n";
  domain.adapters.at("sealed").signature = WebhookSignature{"X-Signature", "", file.string(), "", ""};
  domain_.set(std::make_shared<const Domain>(domain));
  EXPECT_EQ(post("sealed", "{}", {{"X-Signature", hmac_sha256("from a file", "{}")}}).status, 202);
}

TEST(Hmac, IsThatOfRfc4231) {
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace echoloop
