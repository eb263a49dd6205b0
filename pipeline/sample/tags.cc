#include <span>

#include "pipeline/sample/verbatims.h"

namespace echoloop::sample {
namespace {

using Words = std::string_view;

struct Spelling {
  Topic topic;
  std::span<const Words> simplified, traditional, english;
};

constexpr Words kLateS[] = {"配送慢", "快递慢", "物流慢", "送货慢"}, kLateT[] = {"送貨慢", "快遞慢", "配送慢"},
                kLateE[] = {"late-delivery", "delivery late", "slow delivery"};
constexpr Words kLostS[] = {"包裹丢失", "丢件", "快递丢了"}, kLostT[] = {"丟件", "包裹丟失"},
                kLostE[] = {"parcel lost", "Lost parcel"};
constexpr Words kQualityS[] = {"产品质量", "质量差", "质量问题"}, kQualityT[] = {"質量問題", "質量差"},
                kQualityE[] = {"poor quality", "broken product", "product-quality"};
constexpr Words kQueueS[] = {"转错队列", "转错人", "分错组"}, kQueueT[] = {"轉錯人", "分錯組"},
                kQueueE[] = {"misrouted", "wrong-queue"};
constexpr Words kWaitS[] = {"等待太久", "等太久", "排队太久", "排队"}, kWaitT[] = {"等太久", "排隊太久"},
                kWaitE[] = {"waited too long", "slow queue"};
constexpr Words kSlowS[] = {"回复慢", "响应慢", "半天不回"}, kSlowT[] = {"響應慢", "半天不回"},
                kSlowE[] = {"slow answer", "slow-reply"};
constexpr Words kRudeS[] = {"态度差", "态度不好", "态度恶劣", "不耐烦"}, kRudeT[] = {"態度不好", "態度差", "不耐煩"},
                kRudeE[] = {"rude", "impolite", "bad attitude"};
constexpr Words kLostWordsS[] = {"听不懂", "沟通不畅", "答非所问"}, kLostWordsT[] = {"溝通不暢", "答非所問"},
                kLostWordsE[] = {"off topic", "not-understood"};
constexpr Words kHelpS[] = {"解决不了", "没有解决", "推诿"}, kHelpT[] = {"沒有解決", "解決不了"},
                kHelpE[] = {"not solved", "cannot-help"};
constexpr Words kClosingS[] = {"未确认即结束", "直接挂断"}, kClosingT[] = {"直接掛斷"}, kClosingE[] = {"hung up"};
constexpr Words kShockS[] = {"触电"}, kShockT[] = {"觸電"}, kShockE[] = {"electric shock"};
constexpr Words kKindS[] = {"态度好", "服务好", "很耐心", "热情"}, kKindT[] = {"服務好", "熱情"},
                kKindE[] = {"polite", "kind", "friendly"};
constexpr Words kQuickS[] = {"回复快", "响应快", "及时"}, kQuickT[] = {"響應快", "及時"}, kQuickE[] = {"quick", "fast"};
constexpr Words kSolvedS[] = {"问题解决", "解决了", "专业"}, kSolvedT[] = {"解決了", "專業"},
                kSolvedE[] = {"solved", "professional"};

constexpr Spelling kSpellings[] = {
    {Topic::late_delivery, kLateS, kLateT, kLateE},    {Topic::lost_parcel, kLostS, kLostT, kLostE},
    {Topic::quality, kQualityS, kQualityT, kQualityE}, {Topic::wrong_queue, kQueueS, kQueueT, kQueueE},
    {Topic::long_wait, kWaitS, kWaitT, kWaitE},        {Topic::slow_reply, kSlowS, kSlowT, kSlowE},
    {Topic::bad_attitude, kRudeS, kRudeT, kRudeE},     {Topic::not_understood, kLostWordsS, kLostWordsT, kLostWordsE},
    {Topic::cannot_help, kHelpS, kHelpT, kHelpE},      {Topic::no_closing, kClosingS, kClosingT, kClosingE},
    {Topic::shock, kShockS, kShockT, kShockE},         {Topic::friendly, kKindS, kKindT, kKindE},
    {Topic::quick, kQuickS, kQuickT, kQuickE},         {Topic::solved, kSolvedS, kSolvedT, kSolvedE},
};

// What a keyboard of another width makes of ASCII.
std::string full_width(std::string_view ascii) {
  std::string out;
  for (char c : ascii) {
    if (c == ' ') {
      out += "\u3000";
    } else {
      const auto unit = static_cast<std::uint32_t>(static_cast<unsigned char>(c)) + 0xFEE0;
      out += static_cast<char>(0xE0 | unit >> 12);
      out += static_cast<char>(0x80 | (unit >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (unit & 0x3F));
    }
  }
  return out;
}

}  // namespace

std::string tag_text(Dice& dice, Topic topic, Script script) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.topic != topic) continue;
    if (script == Script::simplified) return std::string(dice.one_of(spelling.simplified));
    if (script == Script::traditional) return std::string(dice.one_of(spelling.traditional));
    std::string text(dice.one_of(spelling.english));
    const std::int64_t form = dice.below(20);
    if (form == 0) return full_width(text);
    if (form < 4) text[0] = static_cast<char>(text[0] & ~0x20);
    if (form == 4) text = " " + text + " ";
    return text;
  }
  return {};
}

}  // namespace echoloop::sample
