#include "pipeline/intake/adapter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pipeline/intake/documents.h"
#include "schemas/codec.h"
#include "tests/intake/adapter_folder.h"

namespace echoloop {
namespace {

Adapter compiled(const std::string& program) {
  Result<Adapter> adapter = Adapter::compile(program, "test.jq", kAdapter_folder, "hongtu");
  if (!adapter) throw std::runtime_error(adapter.error().text());
  return std::move(*adapter);
}

std::string run_error(const std::string& program, const std::string& document) {
  Result<std::vector<AdapterOutput>> outputs = compiled(program).run(document);
  return outputs ? "no error" : outputs.error().text();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// What our adapter yields, in the form of `jq -c`.
std::string as_lines(const std::vector<AdapterOutput>& outputs) {
  std::string text;
  for (const AdapterOutput& output : outputs) {
    text += output.skipped() ? "{\"skip\":\"" + output.skip + "\"}\n" : output.event + "\n";
  }
  return text;
}

// The real jq on one file of documents.
std::string real_jq(const std::string& program, const std::string& documents, const std::string& tenant) {
  std::string command =
      "cd / && jq -c -L " + kAdapter_folder + " --arg tenant " + tenant + " -f " + program + " " + documents + " 2>&1";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  char buffer[4096];
  for (std::size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) text.append(buffer, got);
  return text;
}

// The example of an adapter as a file of documents; CSV rows become objects first.
std::string example_of(const std::string& name) {
  std::string file = kAdapter_folder + "/examples/" + name + ".ndjson";
  if (std::filesystem::exists(file)) return file;
  ReadProgress progress;
  auto reader =
      DocumentReader::open(kAdapter_folder + "/examples/" + name + ".csv", FileFormat::csv, "utf-8", progress);
  file = testing::TempDir() + "example-" + std::to_string(getpid()) + "-" + name + ".ndjson";
  std::ofstream out(file);
  for (DocumentBatch batch; (*reader)->next(batch).value();) {
    for (const Document& document : batch.documents()) out << document.text << '\n';
  }
  return file;
}

class ShippedAdapter : public testing::TestWithParam<std::string> {};

TEST_P(ShippedAdapter, YieldsWhatTheRealJqYieldsAndWhatItsExampleExpects) {
  const std::string name = GetParam();
  const std::string documents = example_of(name);
  Result<Adapter> adapter = Adapter::open(kAdapter_folder + "/" + name + ".jq", kAdapter_folder, "hongtu");
  ASSERT_TRUE(adapter) << adapter.error().text();
  std::string ours;
  std::vector<std::string> lines = lines_of(file_text(documents));
  ASSERT_GE(lines.size(), 5u);
  for (const std::string& document : lines) {
    Result<std::vector<AdapterOutput>> outputs = adapter->run(document);
    ASSERT_TRUE(outputs) << outputs.error().text() << " for " << document;
    ours += as_lines(*outputs);
  }
  EXPECT_EQ(ours, real_jq(kAdapter_folder + "/" + name + ".jq", documents, "hongtu"));
  EXPECT_EQ(ours, file_text(kAdapter_folder + "/examples/" + name + ".expected.ndjson"));
}

// Every value of a document and what is inside it.
void collect_places(const nlohmann::json& value, const nlohmann::json::json_pointer& at,
                    std::vector<nlohmann::json::json_pointer>& places) {
  if (!at.empty()) places.push_back(at);
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items()) collect_places(inner, at / name, places);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) collect_places(value[i], at / i, places);
  }
}

TEST_P(ShippedAdapter, MissingAndStrangeFieldsNeverFailIt) {
  const std::string name = GetParam();
  Result<Adapter> adapter = Adapter::open(kAdapter_folder + "/" + name + ".jq", kAdapter_folder, "hongtu");
  ASSERT_TRUE(adapter) << adapter.error().text();
  const nlohmann::json kStrange[] = {
      nullptr, 1e300, -1.5, "x", "", "2026-13-99T99:99:99Z", nlohmann::json::array(), nlohmann::json::object()};
  int tried = 0;
  for (const std::string& line : lines_of(file_text(example_of(name)))) {
    const nlohmann::json document = nlohmann::json::parse(line);
    std::vector<nlohmann::json::json_pointer> places;
    collect_places(document, nlohmann::json::json_pointer(), places);
    for (const auto& place : places) {
      auto run = [&](const nlohmann::json& changed) {
        ++tried;
        Result<std::vector<AdapterOutput>> outputs = adapter->run(changed.dump());
        EXPECT_TRUE(outputs) << outputs.error().text() << " for " << changed.dump();
      };
      nlohmann::json without = document;
      nlohmann::json& parent = without[place.parent_pointer()];
      if (parent.is_object()) {
        parent.erase(place.back());
        run(without);
      }
      for (const nlohmann::json& strange : kStrange) {
        nlohmann::json changed = document;
        changed[place] = strange;
        run(changed);
      }
    }
  }
  EXPECT_GT(tried, 100);
}

INSTANTIATE_TEST_SUITE_P(Names, ShippedAdapter,
                         testing::Values("chatwoot", "cloudevents", "csv", "freshdesk", "huawei-cec", "intercom",
                                         "livechat", "meiqia", "qiyu", "rocketchat", "support-csv", "udesk", "zendesk"),
                         [](const auto& case_of) {
                           std::string name = case_of.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The platforms' own examples are not ours to copy; tests/adapters/test_payloads.py says what must become of them.
TEST(PlatformPayloads, YieldTheSameBytesAsTheRealJqAndOnlyValidEvents) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(ECHOLOOP_SOURCE_DIR) / ".." / "shared" / "data" / "payloads";
  if (!fs::is_directory(folder)) GTEST_SKIP() << "the platforms' own payloads are not here: ../shared/data/payloads";
  const std::string documents = testing::TempDir() + "payload-" + std::to_string(getpid()) + ".ndjson";
  EventDecoder decoder;
  int tried = 0;
  for (const fs::path& platform : fs::directory_iterator(folder)) {
    const std::string program = kAdapter_folder + "/" + platform.filename().string() + ".jq";
    Result<Adapter> adapter = Adapter::open(program, kAdapter_folder, "hongtu");
    ASSERT_TRUE(adapter) << adapter.error().text();
    for (const fs::path& file : fs::directory_iterator(platform)) {
      const auto body = nlohmann::json::parse(file_text(file.string()));
      std::vector<nlohmann::json> forms = {body,
                                           {{"headers", nlohmann::json::object()}, {"body", body}},
                                           {{"headers", {{"x-request-start", "t=1772534650.5"}}}, {"body", body}}};
      // Recorded calls of an API hold the platform's answer within.
      if (body.contains("api")) forms.push_back(body["api"]["get"].front()["response"]);
      for (const nlohmann::json& form : forms) {
        std::ofstream(documents) << form.dump() << "\n";
        Result<std::vector<AdapterOutput>> outputs = adapter->run(form.dump());
        ASSERT_TRUE(outputs) << outputs.error().text() << " for " << file;
        EXPECT_EQ(as_lines(*outputs), real_jq(program, documents, "hongtu")) << file;
        for (const AdapterOutput& output : *outputs) {
          if (output.skipped()) continue;
          Result<Event> event = decoder.decode(output.event);
          EXPECT_TRUE(event) << event.error().text() << " for " << file;
        }
        ++tried;
      }
    }
  }
  fs::remove(documents);
  EXPECT_GE(tried, 60);
}

TEST(Adapter, BindsTheTenantAndNothingElse) {
  Result<std::vector<AdapterOutput>> outputs = compiled("{type: \"t\", tenant: $tenant}").run("null");
  ASSERT_TRUE(outputs);
  EXPECT_EQ(outputs->at(0).event, R"({"type":"t","tenant":"hongtu"})");
  Result<Adapter> other = Adapter::compile("{type: $other}", "mine.jq", kAdapter_folder, "hongtu");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().fault, Fault::configuration);
  EXPECT_EQ(other.error().where, "mine.jq:1");
  EXPECT_NE(other.error().reason.find("$other is not defined"), std::string::npos) << other.error().reason;
}

TEST(Adapter, SaysWhatJqSaysAboutASyntaxError) {
  Result<Adapter> adapter = Adapter::compile("# first\n{type: 1,, id: 2}\n", "broken.jq", kAdapter_folder, "hongtu");
  ASSERT_FALSE(adapter);
  EXPECT_EQ(adapter.error().where, "broken.jq:2");
  EXPECT_NE(adapter.error().text().find("syntax error"), std::string::npos) << adapter.error().text();
  Result<Adapter> module = Adapter::compile("include \"no/such\"; .", "broken.jq", kAdapter_folder, "hongtu");
  ASSERT_FALSE(module);
  EXPECT_NE(module.error().reason.find("module not found"), std::string::npos) << module.error().reason;
}

TEST(Adapter, ManyOutputsKeepTheirOrderAndNoOutputIsFine) {
  Adapter adapter = compiled(R"(.[] | if . == 2 then {skip: "two"} else {type: tostring} end)");
  Result<std::vector<AdapterOutput>> outputs = adapter.run("[1,2,3]");
  ASSERT_TRUE(outputs);
  EXPECT_EQ(*outputs, (std::vector<AdapterOutput>{{R"({"type":"1"})", ""}, {"", "two"}, {R"({"type":"3"})", ""}}));
  outputs = adapter.run("[]");
  ASSERT_TRUE(outputs);
  EXPECT_TRUE(outputs->empty());
}

TEST(Adapter, AFailedDocumentLeavesTheAdapterUsable) {
  Adapter adapter = compiled(R"({type: "t", sum: (.a + 1)})");
  for (int i = 0; i < 3; ++i) {
    Result<std::vector<AdapterOutput>> outputs = adapter.run(R"({"a":{}})");
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().fault, Fault::bad_input);
    EXPECT_NE(outputs.error().reason.find("object ({}) and number (1) cannot be added"), std::string::npos)
        << outputs.error().reason;
    outputs = adapter.run(R"({"a":1})");
    ASSERT_TRUE(outputs);
    EXPECT_EQ(outputs->at(0).event, R"({"type":"t","sum":2})");
  }
}

TEST(Adapter, OutputsOfAFailedDocumentDoNotCount) {
  EXPECT_NE(run_error(R"({type: "t"}, error("late"))", "1").find("late"), std::string::npos);
}

TEST(Adapter, RefusesWhatIsNoDocument) {
  EXPECT_NE(run_error(".", "{\"a\":").find("not JSON"), std::string::npos);
  EXPECT_NE(run_error(".", "{} {}").find("text after the value"), std::string::npos);
  EXPECT_NE(run_error(".", "   ").find("no JSON value"), std::string::npos);
  EXPECT_EQ(run_error(".", "\"\xff\""), "not UTF-8");
  EXPECT_NE(run_error(".", std::string(kDocumentBytes_max + 1, ' ')).find("16 MiB"), std::string::npos);
}

TEST(Adapter, RefusesOutputsThatAreNoEvents) {
  EXPECT_NE(run_error("1", "null").find("neither an event nor"), std::string::npos);
  EXPECT_NE(run_error("{}", "null").find("neither an event nor"), std::string::npos);
  EXPECT_NE(run_error("{skip: 1}", "null").find("neither an event nor"), std::string::npos);
}

TEST(Adapter, BoundsARunawayProgram) {
  EXPECT_NE(run_error(R"(range(infinite) | {type: "t"})", "null").find("more than 1000"), std::string::npos);
  EXPECT_NE(run_error(R"(("x" * 1000000) as $x | range(infinite) | {type: $x})", "null").find("16 MiB"),
            std::string::npos);
}

TEST(Adapter, InputAndHaltAndEnvironmentDoNoHarm) {
  EXPECT_NE(run_error(R"({type: input})", "null").find("break"), std::string::npos);  // jq 1.6 says no more
  EXPECT_NE(run_error(R"({type: "t"}, halt)", "null").find("halted"), std::string::npos);
  Result<std::vector<AdapterOutput>> outputs = compiled("{type: \"t\", file: input_filename}").run("null");
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_EQ(outputs->at(0).event, R"({"type":"t","file":null})");
}

TEST(Adapter, IsFoundByNameOrByFile) {
  EXPECT_EQ(find_adapter("chatwoot", kAdapter_folder).value(), kAdapter_folder + "/chatwoot.jq");
  EXPECT_EQ(find_adapter("chatwoot.jq", kAdapter_folder).value(), kAdapter_folder + "/chatwoot.jq");
  EXPECT_EQ(find_adapter(kAdapter_folder + "/chatwoot.jq", "/nowhere").value(), kAdapter_folder + "/chatwoot.jq");
  Result<std::string> none = find_adapter("chatwood", kAdapter_folder);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().reason.find("chatwoot, cloudevents"), std::string::npos) << none.error().reason;
  EXPECT_FALSE(find_adapter("../adapters/chatwoot", kAdapter_folder));
  EXPECT_EQ(find_adapter("/x/nope.jq", kAdapter_folder).error().reason, "there is no file '/x/nope.jq'");
  EXPECT_FALSE(find_adapter("", kAdapter_folder));
}

TEST(Adapter, ARelativeFolderFindsItsModules) {
  const std::string folder = std::filesystem::relative(kAdapter_folder);
  Result<Adapter> adapter = Adapter::open(folder + "/chatwoot.jq", folder, "hongtu");
  EXPECT_TRUE(adapter) << adapter.error().text();
}

}  // namespace
}  // namespace echoloop
