#include "pipeline/settings/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace echoloop {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Options, DefaultsAreThoseOfTheContract) {
  Settings settings = default_settings();
  EXPECT_EQ(settings.data, "./data");
  EXPECT_EQ(format_address(settings.listen), "127.0.0.1:8080");
  EXPECT_EQ(settings.memory_bytes, 1ull << 30);
  EXPECT_EQ(settings.config_dir, std::nullopt);
  EXPECT_EQ(settings.shards, 4u);
  EXPECT_EQ(settings.workers, 2u);
  EXPECT_EQ(settings.clock, Clock::wall);
  EXPECT_EQ(settings.log_fsync, Fsync::always);
  EXPECT_EQ(settings.log_compression, Compression::lz4);
  EXPECT_EQ(settings.log_segment_bytes, 64ull << 20);
  EXPECT_EQ(settings.epoch_interval, Duration{100});
  EXPECT_FALSE(settings.strict_tenants);
  EXPECT_EQ(settings.server, std::nullopt);
  EXPECT_EQ(settings.log_level, LogLevel::info);
  EXPECT_EQ(settings.import.format, ImportFormat::by_ending);
  EXPECT_EQ(settings.sample.from_day, parse_date("2026-03-01").value());
}

TEST(Options, NoCommandTakesTwoRowsOfOneName) {
  for (const Option& one : options()) {
    for (const Option& other : options()) {
      if (&one == &other) continue;
      bool same = one.name == other.name;
      EXPECT_EQ(one.variable() == other.variable(), same) << one.name;
      EXPECT_FALSE(same && one.commands.overlaps(other.commands)) << one.name;
    }
  }
}

TEST(Options, EveryRowIsTakenBySomeCommandAndSaysWhatItIs) {
  for (const Option& option : options()) {
    bool taken = false;
    for (const CommandFact& fact : commands()) taken = taken || option.commands.has(fact.command);
    EXPECT_TRUE(taken) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
  }
}

TEST(Options, BothBoundsAreWithinAndWhatLiesBeyondIsNot) {
  auto take = [](std::string_view name, std::string_view text) {
    Settings settings = default_settings();
    for (const Option& option : options()) {
      if (option.name == name) return option.take(settings, text).has_value();
    }
    ADD_FAILURE() << "no option " << name;
    return false;
  };
  EXPECT_TRUE(take("memory", "64MiB"));
  EXPECT_FALSE(take("memory", "67108863"));
  EXPECT_TRUE(take("shards", "1"));
  EXPECT_TRUE(take("shards", "64"));
  EXPECT_FALSE(take("shards", "0"));
  EXPECT_FALSE(take("shards", "65"));
  EXPECT_FALSE(take("workers", "65"));
  EXPECT_TRUE(take("epoch.interval", "1ms"));
  EXPECT_FALSE(take("epoch.interval", "0ms"));
  EXPECT_FALSE(take("epoch.interval", "11s"));
}

TEST(Options, VariablesAreNamedAfterOptions) {
  std::vector<std::string> variables;
  for (const Option& option : options()) variables.push_back(option.variable());
  EXPECT_THAT(variables, testing::IsSupersetOf({"ECHOLOOP_DATA", "ECHOLOOP_CONFIG_DIR", "ECHOLOOP_LOG_SEGMENT_BYTES"}));
}

TEST(Options, HelpShowsTheCommandsRowsAndNoOthers) {
  std::string help = help_of(Command::import_files);
  EXPECT_THAT(help, HasSubstr("usage: echoloop import FILE... [options]"));
  EXPECT_THAT(help, HasSubstr("--log.fsync always|never"));
  EXPECT_THAT(help, HasSubstr("(64KiB..4GiB)"));
  EXPECT_THAT(help, Not(HasSubstr("--listen")));
  EXPECT_THAT(help, Not(HasSubstr("--seed")));
}

TEST(Options, CommandsAreFoundByName) {
  EXPECT_EQ(parse_command("import").value(), Command::import_files);
  EXPECT_EQ(parse_command("fly").error().text(), "there is no command 'fly'");
  for (const CommandFact& fact : commands()) {
    EXPECT_EQ(parse_command(fact.name).value(), fact.command);
    EXPECT_EQ(fact_of(fact.command).name, fact.name);
  }
}

TEST(Options, TheReferenceInDocsIsWhatTheProgramWrites) {
  std::ifstream file(ECHOLOOP_SOURCE_DIR "/docs/options.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), options_markdown()) << "write it anew: echoloop options > docs/options.md";
}

}  // namespace
}  // namespace echoloop
