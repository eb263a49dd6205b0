// The normal form against tests/text/reference.py, which spells the steps of docs/aggregates.md out with ICU from
// Python.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "pipeline/text/normalise.h"

namespace echoloop {
namespace {

void put_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  } else {
    out.push_back(static_cast<char>(0xf0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 63)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  }
}

// Where customers' characters come from, and the corners of Unicode that the steps touch.
struct Range {
  std::uint32_t first, last;
};
constexpr Range kRanges[] = {
    {0x09, 0x0d},       {0x20, 0x7e},       {0x80, 0x24f},      {0x300, 0x36f},     {0x370, 0x52f},
    {0x5d0, 0x5ea},     {0x600, 0x6ff},     {0xe00, 0xe3a},     {0x1100, 0x11ff},   {0x1e00, 0x1fff},
    {0x2000, 0x206f},   {0x2100, 0x218b},   {0x2460, 0x24ff},   {0x2600, 0x27bf},   {0x3000, 0x30ff},
    {0x3131, 0x318e},   {0x3200, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0x4e00, 0x9fff},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfb00, 0xfb4f},   {0xfe00, 0xfe0f},   {0xff01, 0xffee},
    {0x10400, 0x1044f}, {0x1d400, 0x1d7ff}, {0x1f1e6, 0x1f1ff}, {0x1f300, 0x1f6ff}, {0x20000, 0x203ff},
    {0x2f800, 0x2fa1d},
};

std::vector<std::string> generated_texts() {
  std::mt19937 random{20260301};
  std::vector<std::string> out;
  for (int i = 0; i < 1200; ++i) {
    std::string text;
    const Range* own = &kRanges[random() % std::size(kRanges)];
    for (auto left = 1 + random() % 24; left > 0; --left) {
      const Range& range = random() % 3 == 0 ? kRanges[random() % std::size(kRanges)] : *own;
      put_utf8(text, range.first + static_cast<std::uint32_t>(random() % (range.last - range.first + 1)));
      if (random() % 12 == 0) put_utf8(text, 0x200d);
    }
    out.push_back(std::move(text));
  }
  // Every code point there is, 64 to a text, so that no character slips past the shortcuts.
  for (std::uint32_t c = 0; c < 0x30000; c += 64) {
    std::string text;
    for (std::uint32_t d = c; d < c + 64; ++d) {
      if (d < 0xd800 || d > 0xdfff) put_utf8(text, d);
    }
    if (!text.empty()) out.push_back(std::move(text));
  }
  for (std::uint32_t c = 0; c < 128; ++c) {
    out.push_back({'a', static_cast<char>(c), 'Z'});  // the shortcut for ASCII, one character at a time
  }
  return out;
}

TEST(NormaliseTag, AgreesWithTheStepsWrittenInPython) {
  const std::vector<std::string> texts = generated_texts();
  ASSERT_GE(texts.size(), 300u);
  std::string folder = ::testing::TempDir() + "echoloop_text_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string in = folder + "/in", out = folder + "/out";
  {
    std::ofstream file{in};
    for (const std::string& text : texts) file << nlohmann::json(text).dump(-1, ' ', true) << '\n';
  }
  const std::string script = ECHOLOOP_SOURCE_DIR "/tests/text/reference.py";
  const int status = std::system(("/usr/bin/python3 '" + script + "' < '" + in + "' > '" + out + "'").c_str());
  std::ifstream file{out};
  std::vector<std::string> wanted;
  for (std::string line; std::getline(file, line);) wanted.push_back(nlohmann::json::parse(line).get<std::string>());
  for (const std::string& path : {in, out}) std::remove(path.c_str());
  rmdir(folder.c_str());
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127)) {
    GTEST_SKIP() << "python3-icu is missing";
  }
  ASSERT_EQ(status, 0);
  ASSERT_EQ(wanted.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(normalise_tag(texts[i]), wanted[i]) << nlohmann::json(texts[i]).dump(-1, ' ', true);
  }
}

}  // namespace
}  // namespace echoloop
