#include "pipeline/text/normalise.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace echoloop {
namespace {

TEST(NormaliseTag, FoldsCaseAndWidth) {
  EXPECT_EQ(normalise_tag("Late Delivery"), "late delivery");
  EXPECT_EQ(normalise_tag("ＬＡＴＥ　ｄｅｌｉｖｅｒｙ！"), "late delivery!");
  EXPECT_EQ(normalise_tag("Straße"), "strasse");
  EXPECT_EQ(normalise_tag("ﬁne ①"), "fine 1");
  EXPECT_EQ(normalise_tag("ｶﾞｲﾄﾞ"), "ガイド");
  EXPECT_EQ(normalise_tag("İ"), "i̇");  // not Turkish: the dot stays, on its own
}

TEST(NormaliseTag, MakesTraditionalChineseSimplified) {
  EXPECT_EQ(normalise_tag("繁體"), "繁体");
  EXPECT_EQ(normalise_tag("物流太慢，包裝損壞"), normalise_tag("物流太慢,包装损坏"));
  EXPECT_EQ(normalise_tag("客服態度差"), "客服态度差");
}

TEST(NormaliseTag, MixedScriptsKeepTheirOrder) {
  EXPECT_EQ(normalise_tag("  VIP客戶\t等待 ＴＯＯ long Ждать  "), "vip客户 等待 too long ждать");
}

TEST(NormaliseTag, ComposesWhatWasWrittenInParts) {
  EXPECT_EQ(normalise_tag("cafe\u0301"), "café");
  EXPECT_EQ(normalise_tag("CAFE\u0301"), normalise_tag("Caf\u00e9"));
}

TEST(NormaliseTag, KeepsEmojiAlsoJoinedOnesAndTheirVariationSelectors) {
  EXPECT_EQ(normalise_tag("👩‍👩‍👧‍👦 Great"), "👩‍👩‍👧‍👦 great");
  EXPECT_EQ(normalise_tag("❤️"), "❤️");
  EXPECT_EQ(normalise_tag("👍🏽"), "👍🏽");
  EXPECT_EQ(normalise_tag("🇨🇳"), "🇨🇳");
}

TEST(NormaliseTag, EveryWhiteSpaceIsABlankAndNoneStandsAtTheEnds) {
  for (const char* blank : {"\t", "\n", "\v", "\f", "\r", " ", "\u0085", "\u00a0", "\u1680", "\u2000", "\u2003",
                            "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"}) {
    EXPECT_EQ(normalise_tag(std::string(blank) + "a" + blank + blank + "中" + blank), "a 中") << blank;
  }
  EXPECT_EQ(normalise_tag("a\u200bb"), "a\u200bb");  // zero width space is no White_Space
  EXPECT_EQ(normalise_tag(" \u3000\n "), "");
  EXPECT_EQ(normalise_tag(""), "");
}

TEST(NormaliseTag, IsItsOwnNormalForm) {
  for (const char* text : {"繁體 ＡＢＣ", "ẞ ǅ ŉ", "ϓ ΐ", "㍿ ㌔", "Ⅷ ½", "乾隆 乾燥"}) {
    std::string once = normalise_tag(text);
    EXPECT_EQ(normalise_tag(once), once) << text;
  }
}

TEST(NormaliseTag, IllFormedBytesBecomeReplacementCharacters) {
  EXPECT_EQ(normalise_tag("A\xff"
                          "B"),
            "a\ufffdb");
  EXPECT_EQ(normalise_tag("\xe4\xb8"), "\ufffd");                  // cut inside a character
  EXPECT_EQ(normalise_tag("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");  // a surrogate
  EXPECT_EQ(normalise_tag(std::string_view("A\0B", 3)), std::string_view("a\0b", 3));
}

TEST(NormaliseTag, GivesTheSameOnManyThreadsAtOnce) {
  const std::string text = "VIP客戶 物流太慢，包裝損壞 👩‍👩‍👧‍👦";
  const std::string wanted = normalise_tag(text);
  std::vector<std::thread> threads;
  std::vector<int> same(4, 0);
  for (int& count : same) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) count += normalise_tag(text) == wanted;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, std::vector<int>(4, 300));
}

TEST(NormaliseComment, LetsANormalisedWordBeFoundInIt) {
  const std::string comment = normalise_comment("店裡的電池\n冒煙  了！！ It was ON  FIRE");
  EXPECT_NE(comment.find(normalise_tag("冒烟")), std::string::npos);
  EXPECT_NE(comment.find(normalise_tag("電池")), std::string::npos);
  EXPECT_NE(comment.find(normalise_tag("on fire")), std::string::npos);
  EXPECT_EQ(comment.find(normalise_tag("爆炸")), std::string::npos);
}

using Words = std::vector<std::string_view>;

TEST(Segment, CutsEnglishIntoWordsWithoutBlanksAndPunctuation) {
  EXPECT_EQ(segment("The courier's phone -- isn't on, 3.5 hours!"),
            (Words{"The", "courier's", "phone", "isn't", "on", "3.5", "hours"}));
}

TEST(Segment, CutsChineseByDictionary) {
  EXPECT_EQ(segment("态度很好，物流太慢。"), (Words{"态度", "很好", "物流", "太慢"}));
}

TEST(Segment, CutsMixedTextAndKeepsEmojiWhole) {
  EXPECT_EQ(segment("快递 delivery 慢😡👩‍👩‍👧‍👦 ok🇨🇳"),
            (Words{"快递", "delivery", "慢", "😡", "👩‍👩‍👧‍👦", "ok", "🇨🇳"}));
}

TEST(Segment, ViewsLieInTheTextAndIllFormedBytesDoNoHarm) {
  const std::string text = "好\xff 的\xe4\xb8 ok";
  for (std::string_view word : segment(text)) {
    EXPECT_GE(word.data(), text.data());
    EXPECT_LE(word.data() + word.size(), text.data() + text.size());
  }
  EXPECT_EQ(segment(text).back(), "ok");
  EXPECT_TRUE(segment("").empty());
  EXPECT_TRUE(segment(" ,。！\n").empty());
}

TEST(CutText, EndsBetweenCodePoints) {
  EXPECT_EQ(cut_text("中文abc", 0), "");
  EXPECT_EQ(cut_text("中文abc", 2), "中文");
  EXPECT_EQ(cut_text("中文abc", 3), "中文a");
  EXPECT_EQ(cut_text("中文abc", 5), "中文abc");
  EXPECT_EQ(cut_text("中文abc", 100), "中文abc");
  EXPECT_EQ(cut_text("😀😀", 1), "😀");
  EXPECT_EQ(cut_text("\xff\xff"
                     "a",
                     2),
            "\xff\xff");
  EXPECT_EQ(cut_text("", 3), "");
}

TEST(ValidUtf8, FollowsRfc3629) {
  for (std::string_view good : {"", "plain ascii, longer than eight bytes", "中文", "é", "😀", "\u07ff\u0800\uffff",
                                "\xf4\x8f\xbf\xbf", "12345678中"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
  EXPECT_TRUE(valid_utf8(std::string_view("\0", 1)));
  for (std::string_view bad :
       {"\x80", "\xff", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\xf0\x9f\x98", "12345678\xe4\xb8",
        "1234567\xe4\xb8"
        "90123456",
        "ab\xc3(", "\xe4\xb8\xad\xad"}) {
    EXPECT_FALSE(valid_utf8(bad)) << bad;
  }
}

// Every sequence of up to three bytes against the table 3-7 of the Unicode standard, spelled out.
TEST(ValidUtf8, AgreesWithTheTableOfTheUnicodeStandardForAllShortSequences) {
  const auto in = [](int b, int low, int high) { return b >= low && b <= high; };
  const auto tail = [&](int b) { return in(b, 0x80, 0xbf); };
  const auto one = [&](int a) { return a < 0x80; };
  const auto two = [&](int a, int b) { return in(a, 0xc2, 0xdf) && tail(b); };
  const auto three = [&](int a, int b, int c) {
    return tail(c) && ((a == 0xe0 && in(b, 0xa0, 0xbf)) || (in(a, 0xe1, 0xec) && tail(b)) ||
                       (a == 0xed && in(b, 0x80, 0x9f)) || (in(a, 0xee, 0xef) && tail(b)));
  };
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      char bytes[3] = {static_cast<char>(a), static_cast<char>(b), 0};
      ASSERT_EQ(valid_utf8({bytes, 2}), (one(a) && one(b)) || two(a, b)) << a << ' ' << b;
      for (int c = 0x70; c < 256; ++c) {
        bytes[2] = static_cast<char>(c);
        bool wanted = (one(a) && ((one(b) && one(c)) || two(b, c))) || (two(a, b) && one(c)) || three(a, b, c);
        ASSERT_EQ(valid_utf8({bytes, 3}), wanted) << a << ' ' << b << ' ' << c;
      }
    }
  }
}

}  // namespace
}  // namespace echoloop
