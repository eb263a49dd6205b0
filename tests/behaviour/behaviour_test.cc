// Every .txt of this folder is a test case: played line by line, and again with epochs anywhere.
//   test_behaviour --update   writes what was seen into the files instead of comparing; read the difference before you
//   keep it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/behaviour/stage_play.h"
#include "tests/stages/configuration.h"

namespace echoloop::behaviour {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path{ECHOLOOP_SOURCE_DIR} / "tests/behaviour";
bool update = false;

std::vector<fs::path> scripts() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator{kFolder}) {
    if (entry.path().extension() == ".txt" && entry.path().filename() != "CMakeLists.txt") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string name_of(const testing::TestParamInfo<fs::path>& script) {
  std::string name = script.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string text_in(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

// Lines that are in both as they are, others with − where expected and + where seen; by their longest common
// subsequence.
std::string difference(const std::vector<std::string>& expected, const std::vector<std::string>& seen) {
  std::vector<std::vector<std::size_t>> common(expected.size() + 1, std::vector<std::size_t>(seen.size() + 1));
  for (std::size_t i = expected.size(); i-- > 0;) {
    for (std::size_t j = seen.size(); j-- > 0;) {
      common[i][j] = expected[i] == seen[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string out;
  for (std::size_t i = 0, j = 0; i < expected.size() || j < seen.size();) {
    if (i < expected.size() && j < seen.size() && expected[i] == seen[j]) {
      out += "    " + expected[i++] + "\n";
      ++j;
    } else if (j == seen.size() || (i < expected.size() && common[i + 1][j] >= common[i][j + 1])) {
      out += "  − " + expected[i++] + "\n";
    } else {
      out += "  + " + seen[j++] + "\n";
    }
  }
  return out;
}

class Behaviour : public testing::TestWithParam<fs::path> {
 protected:
  void SetUp() override {
    auto steps = read_script(text_in(GetParam()));
    ASSERT_TRUE(steps) << steps.error().text();
    steps_ = std::move(*steps);
  }

  void compare(const std::vector<Seen>& seen) const {
    int looks = 0;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!seen[i].looks) continue;
      ++looks;
      if (seen[i].lines == steps_[i].block) continue;
      ADD_FAILURE_AT(GetParam().c_str(), static_cast<int>(steps_[i].line))
          << steps_[i].verb << " (− expected, + seen)\n"
          << difference(steps_[i].block, seen[i].lines);
    }
    EXPECT_GT(looks, 0) << "a script that looks at nothing";
  }

  std::vector<Step> steps_;
  const DomainTexts configuration_ = stages::small_house();
};

TEST_P(Behaviour, IsAsWritten) {
  const auto seen = play(steps_, configuration_, Manner::step_by_step, 0);
  if (!update) return compare(seen);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (seen[i].looks) steps_[i].block = seen[i].lines;
  }
  const std::string text = with_blocks(text_in(GetParam()), steps_);
  std::ofstream{GetParam(), std::ios::binary} << text;
}

TEST_P(Behaviour, DoesNotDependOnEpochsAndFailures) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    compare(play(steps_, configuration_, Manner::in_any_epochs, seed));
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, Behaviour, testing::ValuesIn(scripts()), name_of);

}  // namespace
}  // namespace echoloop::behaviour

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  echoloop::behaviour::update = argc > 1 && std::string_view{argv[1]} == "--update";
  return RUN_ALL_TESTS();
}
