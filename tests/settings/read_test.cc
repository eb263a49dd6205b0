#include "pipeline/settings/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "pipeline/settings/options.h"

namespace echoloop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<Invocation> read(Command command, std::vector<std::string> words, Environment environment = {}) {
  return read_invocation(command, words, environment);
}

// An INI file that lives as long as the test.
class IniFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "echoloop-settings-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(std::string_view text) {
    std::string path = (folder_ / "echoloop.ini").string();
    std::ofstream(path) << text;
    return path;
  }
  std::filesystem::path folder_;
};

TEST(CommandLine, FillsTypedFields) {
  auto found = read(Command::run, {"--data",
                                   "/srv/echoloop",
                                   "--listen=[::]:80",
                                   "--memory",
                                   "512MiB",
                                   "--clock=event",
                                   "--epoch.interval",
                                   "250ms",
                                   "--log.fsync",
                                   "never",
                                   "--log.compression",
                                   "zstd",
                                   "--log.segment-bytes",
                                   "1048576",
                                   "--config-dir",
                                   "conf",
                                   "--log.level",
                                   "debug",
                                   "--shards",
                                   "8",
                                   "--workers=1"});
  ASSERT_TRUE(found) << found.error().text();
  const Settings& settings = found->settings;
  EXPECT_EQ(settings.data, "/srv/echoloop");
  EXPECT_EQ(settings.listen, (Address{"::", 80}));
  EXPECT_EQ(settings.memory_bytes, 512ull << 20);
  EXPECT_EQ(settings.clock, Clock::event);
  EXPECT_EQ(settings.epoch_interval, Duration{250});
  EXPECT_EQ(settings.log_fsync, Fsync::never);
  EXPECT_EQ(settings.log_compression, Compression::zstd);
  EXPECT_EQ(settings.log_segment_bytes, 1'048'576u);
  EXPECT_EQ(settings.config_dir, "conf");
  EXPECT_EQ(settings.log_level, LogLevel::debug);
  EXPECT_EQ(settings.shards, 8u);
  EXPECT_EQ(settings.workers, 1u);
}

TEST(CommandLine, NoWordsAreTheDefaults) {
  auto found = read(Command::run, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->settings.memory_bytes, default_settings().memory_bytes);
  EXPECT_TRUE(found->arguments.empty());
  EXPECT_FALSE(found->help);
}

TEST(CommandLine, ArgumentsStandAnywhereAndASwitchEatsNone) {
  auto found = read(Command::import_files,
                    {"one.csv", "--strict-tenants", "two.csv", "--tenant", "hongtu", "--", "--three.csv"});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_THAT(found->arguments, ElementsAre("one.csv", "two.csv", "--three.csv"));
  EXPECT_TRUE(found->settings.strict_tenants);
  EXPECT_EQ(found->settings.tenant, "hongtu");
  EXPECT_FALSE(read(Command::import_files, {"--strict-tenants=no"})->settings.strict_tenants);
}

TEST(CommandLine, OneNameMeansEachCommandsOwn) {
  EXPECT_EQ(read(Command::import_files, {"--format", "jsonl"})->settings.import.format, ImportFormat::jsonl);
  EXPECT_EQ(read(Command::export_rows, {"--format", "csv"})->settings.exporting.format, ExportFormat::csv);
  EXPECT_EQ(read(Command::export_rows, {"--format", "jsonl"}).error().text(),
            "--format: 'jsonl' is none of ndjson|csv");
}

struct Wrong {
  Command command;
  std::vector<std::string> words;
  std::string text;
};

TEST(CommandLine, WrongUseNamesTheOption) {
  const std::vector<Wrong> wrongs = {
      {Command::run, {"--memory", "1MiB"}, "--memory: 1MiB is not between 64MiB and 1TiB"},
      {Command::run,
       {"--memory", "much"},
       "--memory: 'much' is not a size (bytes, or a number with KiB, MiB, GiB or TiB)"},
      {Command::run, {"--shards=65"}, "--shards: 65 is not between 1 and 64"},
      {Command::run, {"--clock", "moon"}, "--clock: 'moon' is none of wall|event"},
      {Command::run, {"--listen", "8080"}, "--listen: '8080' is not an address (host:port)"},
      {Command::run, {"--memroy", "1GiB"}, "--memroy: 'run' takes no such option"},
      {Command::run, {"--mem", "1GiB"}, "--mem: 'run' takes no such option"},
      {Command::check, {"--memory", "1GiB"}, "--memory: 'check' takes no such option"},
      {Command::run, {"--data", "a", "--data", "b"}, "--data: is given twice"},
      {Command::run, {"--data", ""}, "--data: is empty"},
      {Command::run, {"--arguments=x"}, "--arguments: there is no such option"},
      {Command::run, {"now"}, "now: 'run' takes options only"},
  };
  for (const Wrong& wrong : wrongs) {
    auto found = read(wrong.command, wrong.words);
    ASSERT_FALSE(found) << wrong.text;
    EXPECT_EQ(found.error().text(), wrong.text);
    EXPECT_EQ(found.error().fault, Fault::bad_input) << wrong.text;
  }
}

TEST(CommandLine, AnOptionWithoutItsValueIsNamed) {
  auto found = read(Command::run, {"--memory"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().where, "--memory");
  EXPECT_EQ(found.error().fault, Fault::bad_input);
}

TEST(CommandLine, HelpIsAnsweredWhateverElseIsWrong) {
  auto found = read(Command::run, {"--help"}, {{"ECHOLOOP_MEMORY", "none"}});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->help);
  EXPECT_TRUE(read(Command::import_files, {"-h"})->help);
}

TEST(EnvironmentVariables, FillWhatTheCommandLineLeaves) {
  auto found = read(Command::run, {"--shards", "2"},
                    {{"ECHOLOOP_SHARDS", "3"}, {"ECHOLOOP_LOG_FSYNC", "never"}, {"ECHOLOOP_STRICT_TENANTS", "yes"}});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->settings.shards, 2u);
  EXPECT_EQ(found->settings.log_fsync, Fsync::never);
  EXPECT_TRUE(found->settings.strict_tenants);
}

TEST(EnvironmentVariables, WrongOnesAreWrongConfiguration) {
  auto found = read(Command::run, {}, {{"ECHOLOOP_MEMORY", "1MiB"}});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().text(), "ECHOLOOP_MEMORY: 1MiB is not between 64MiB and 1TiB");
  EXPECT_EQ(found.error().fault, Fault::configuration);
  found = read(Command::run, {}, {{"ECHOLOOP_MEMROY", "1GiB"}});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().text(), "ECHOLOOP_MEMROY: there is no such option");
  EXPECT_EQ(found.error().fault, Fault::configuration);
}

TEST(EnvironmentVariables, ThatAreOverruledMustStillBeRight) {
  EXPECT_FALSE(read(Command::run, {"--memory", "1GiB"}, {{"ECHOLOOP_MEMORY", "1MiB"}}));
}

TEST(EnvironmentVariables, OfOtherCommandsAndOfServiceLinksDoNotMatter) {
  EXPECT_TRUE(read(Command::check, {},
                   {{"ECHOLOOP_MEMORY", "1MiB"},
                    {"ECHOLOOP_SERVICE_HOST", "10.0.0.1"},
                    {"ECHOLOOP_CRASH_AT", "commit.begin:2"},
                    {"ECHOLOOP_PORT", "tcp://10.0.0.1:80"},
                    {"ECHOLOOP_PORT_80_TCP", "tcp://10.0.0.1:80"},
                    {"HOME", "/root"}}));
}

TEST(EnvironmentVariables, ComeFromTheProcess) {
  ASSERT_EQ(setenv("ECHOLOOP_WORKERS", "7", 1), 0);
  Environment environment = process_environment();
  unsetenv("ECHOLOOP_WORKERS");
  EXPECT_EQ(environment.at("ECHOLOOP_WORKERS"), "7");
  EXPECT_EQ(environment.count("PATH"), 0u);
}

TEST_F(IniFile, FillsWhatEnvironmentAndCommandLineLeave) {
  std::string path = write(
      "# how we run it\nshards = 5\nworkers=6\nlog.level = error\n\n[log]\nfsync = never\n; twice as "
      "large\nsegment-bytes = 128MiB\n");
  auto found = read(Command::run, {"--config", path, "--workers", "8"},
                    {{"ECHOLOOP_WORKERS", "7"}, {"ECHOLOOP_LOG_LEVEL", "warning"}});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->settings.shards, 5u);
  EXPECT_EQ(found->settings.workers, 8u);
  EXPECT_EQ(found->settings.log_level, LogLevel::warning);
  EXPECT_EQ(found->settings.log_fsync, Fsync::never);
  EXPECT_EQ(found->settings.log_segment_bytes, 128ull << 20);
  EXPECT_EQ(found->settings.memory_bytes, 1ull << 30);
}

TEST_F(IniFile, IsFoundThroughTheEnvironmentToo) {
  std::string path = write("shards = 5\n");
  EXPECT_EQ(read(Command::run, {}, {{"ECHOLOOP_CONFIG", path}})->settings.shards, 5u);
}

TEST_F(IniFile, MayCarryOptionsOfOtherCommands) {
  EXPECT_TRUE(read(Command::check, {"--config", write("memory = 1GiB\nseed = 5\n")}));
}

TEST_F(IniFile, AnOptionThatRepeatsIsGivenOneALine) {
  std::string path = write("[kafka]\nproperty = client.rack=eu=1\nproperty = sasl.password=x y\n");
  auto found = read(Command::run, {"--config", path});
  ASSERT_TRUE(found) << found.error().text();
  using Pair = std::pair<std::string, std::string>;
  EXPECT_THAT(found->settings.kafka.properties, ElementsAre(Pair{"client.rack", "eu=1"}, Pair{"sasl.password", "x y"}));
  EXPECT_EQ(read(Command::run, {"--kafka.property", "=x"}).error().text(), "--kafka.property: '=x' is not NAME=VALUE");
}

TEST_F(IniFile, WrongLinesAreNamed) {
  const std::vector<std::pair<std::string, std::string>> wrongs = {
      {"\nmemory = 1MiB\n", ":2: memory: 1MiB is not between 64MiB and 1TiB"},
      {"[log]\nfsink = always\n", ":2: there is no option 'log.fsink'"},
      {"shards = 4\nshards = 4\n", ":2: 'shards' is given twice"},
      {"shards\n", ":1: neither [section] nor key = value"},
      {"= 4\n", ":1: neither [section] nor key = value"},
      {"[log\n", ":1: a section is [name]"},
      {"[ ]\n", ":1: a section is [name]"},
  };
  for (const auto& [text, said] : wrongs) {
    std::string path = write(text);
    auto found = read(Command::run, {"--config", path});
    ASSERT_FALSE(found) << said;
    EXPECT_EQ(found.error().text(), path + said);
    EXPECT_EQ(found.error().fault, Fault::configuration) << said;
  }
}

TEST_F(IniFile, ThatCannotBeReadIsNamed) {
  for (std::string path : {(folder_ / "none.ini").string(), folder_.string()}) {
    auto found = read(Command::run, {"--config", path});
    ASSERT_FALSE(found) << path;
    EXPECT_EQ(found.error().text(), "--config: cannot read " + path);
    EXPECT_EQ(found.error().fault, Fault::configuration);
  }
}

TEST_F(IniFile, MayBeEmpty) { EXPECT_TRUE(read(Command::run, {"--config", write("")})); }

TEST(Ini, KeepsLinesAndTrimsBlanks) {
  auto entries = parse_ini("a=1\r\n[ b ]\r\n c = x = y \n", "x.ini");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].key, "a");
  EXPECT_EQ((*entries)[0].value, "1");
  EXPECT_EQ((*entries)[1].key, "b.c");
  EXPECT_EQ((*entries)[1].value, "x = y");
  EXPECT_EQ((*entries)[1].line, 3);
}

}  // namespace
}  // namespace echoloop
