#include <iterator>
#include <span>

#include "pipeline/sample/grammar.h"
#include "pipeline/sample/verbatims.h"

namespace echoloop::sample {
namespace {

using Words = std::string_view;

constexpr Words kItem[] = {"电饭煲",   "跑步鞋", "蓝牙耳机",   "羽绒服",     "咖啡机",   "行李箱", "洗碗机",
                           "儿童书包", "手机壳", "扫地机器人", "床品四件套", "电动牙刷", "显示器", "空气炸锅"};
constexpr Words kDays[] = {"三天", "四天", "五天", "一个星期", "快十天", "八天"};
constexpr Words kWait[] = {"二十分钟", "半个小时", "四十多分钟", "一个小时", "十五分钟", "快一节课的时间"};
constexpr Words kCity[] = {"上海", "杭州", "苏州", "南京", "宁波", "无锡", "合肥", "嘉兴"};
constexpr Words kAgent[] = {"客服", "坐席", "接待的小姐姐", "那位小哥", "客服人员", "工作人员"};
constexpr Words kVery[] = {"真的", "实在", "太", "非常", "特别", ""};
constexpr Words kTimes[] = {"两次", "三次", "好几次", "四五次", "无数次"};
constexpr Words kPolicy[] = {"重疾险", "车险", "医疗险", "意外险", "家财险", "旅行险"};

constexpr Slot kSlots[] = {{"item", kItem},   {"days", kDays}, {"wait", kWait},   {"city", kCity},
                           {"agent", kAgent}, {"very", kVery}, {"times", kTimes}, {"policy", kPolicy}};

constexpr Words kLate[] = {"{item}说好次日达，等了{days}还没到。",
                           "物流信息停在{city}{days}没动过。",
                           "下单{days}了，快递一直显示运输中。",
                           "配送太慢，{item}晚了{days}才送到，礼物都过期了。",
                           "催了{times}，每次都说已加急，{days}过去还是没到。",
                           "承诺的送达时间改了{times}，{very}没有信用。",
                           "{city}的站点说爆仓，要我自己去取。",
                           "快递员说今天送，等到晚上也没来。"};
constexpr Words kLost[] = {"显示已签收，可我根本没收到{item}。", "包裹在{city}丢了，{days}没人给说法。",
                           "快递丢了还要我自己去报案，{very}离谱。", "驿站说没有我的件，{agent}说已经送到，到底在哪？",
                           "丢件赔付谈了{times}，只肯赔运费。"};
constexpr Words kDamaged[] = {"外箱压扁了，{item}的边角都碎了。", "收到的{item}是湿的，包装像被水泡过。",
                              "{item}的屏幕有裂痕，明显是运输摔的。", "打开箱子少了配件，{agent}让我再等{days}。",
                              "箱子被人拆过，里面的{item}有划痕。"};
constexpr Words kQuality[] = {"{item}用了{days}就坏了，质量{very}差。", "做工粗糙，{item}的线头到处都是。",
                              "和图片完全不一样，{item}颜色差很多。",   "{item}噪音大得没法用。",
                              "换过一次，第二台{item}还是同样的毛病。", "{item}有一股刺鼻的味道，散了{days}还有。",
                              "充一次电只能用半天，和宣传的不符。"};
constexpr Words kRefund[] = {"退款{days}了还没到账。", "退货早就签收，{agent}却说要再审核{days}。",
                             "申请退款被驳回{times}，理由每次都不一样。", "优惠券没有退回来，少了一截钱。",
                             "价保说好退差价，问了{times}没有下文。"};
constexpr Words kLogin[] = {"验证码一直收不到，登不进去。", "换了手机号，账号就找不回来了。",
                            "App 一更新就闪退，{agent}只会让我重装。", "账号被锁{days}，申诉没人理。"};
constexpr Words kInvoice[] = {"发票抬头写错，改了{times}还是错的。", "开一张发票要等{days}，财务天天催我。",
                              "电子发票下载不了，页面一直转圈。", "要专票，给的却是普票。"};
constexpr Words kClaim[] = {"{policy}理赔材料交了{times}，每次都说缺一样。", "报案{days}，理赔员一个电话都没打来。",
                            "{policy}说不在保障范围，可当初卖的时候不是这么说的。",
                            "赔付金额和条款对不上，问{agent}也讲不清楚。",
                            "住院单据寄过去{days}了，系统里还是没收到。"};
constexpr Words kPolicyText[] = {"{policy}续保的价格涨了，没有人提前通知。",
                                 "条款{very}难懂，{agent}念了一遍等于没说。", "想改受益人，跑了{times}都没办成。",
                                 "扣了两次保费，{days}没退。"};
constexpr Words kWrongQueue[] = {"问保险的事，却把我转到卖货的客服那里。", "转了{times}，每个人都说不归他管。",
                                 "一上来就分错组，白等{wait}。", "机器人把我转错队列，又从头说了一遍。",
                                 "我问的是{policy}，{agent}连保单都查不到。"};
constexpr Words kLongWait[] = {"排队排了{wait}才有人接。", "前面还有五十几个人，等了{wait}就断了。",
                               "打了{times}都是忙音。", "晚上高峰根本进不来人工，{very}久。",
                               "等{wait}，音乐都会唱了。"};
constexpr Words kSlow[] = {"回一句话要等五分钟，{very}慢。", "问一句答一句，半天不回。",
                           "{agent}好像同时在聊十个人，回复特别慢。", "从上午聊到下午，事情才说清楚。"};
constexpr Words kAttitude[] = {"{agent}口气很冲，好像我欠他钱。",
                               "没说两句就不耐烦，态度{very}差。",
                               "问多一句就阴阳怪气。",
                               "一直打断我说话，一点都不尊重人。",
                               "说“规定就是这样”，然后就不理人了。",
                               "{agent}边叹气边回答，听着就来气。",
                               "反问我“你自己不会看说明吗”，{very}过分。"};
constexpr Words kNotUnderstood[] = {"答非所问，复制粘贴了{times}。", "我说的是换货，{agent}一直在讲退货。",
                                    "方言太重，听了{times}都没听懂。", "机器人听不懂人话，来来回回就那几句。"};
constexpr Words kCannotHelp[] = {"聊了{wait}，问题还是没解决。", "只会说“帮您反馈”，然后就没有然后了。",
                                 "让我找商家，商家让我找平台。", "{agent}没有权限，也不肯帮我升级。",
                                 "同一个问题来了{times}，没有一次解决。"};
constexpr Words kNoClosing[] = {"话还没说完就把对话关了。", "突然就挂了电话，也没问我解决没有。",
                                "我还在打字，系统提示会话已结束。"};
constexpr Words kShock[] = {"电热毯刚插上就漏电，我妈被电得手都麻了，你们这是要出人命的！"};
constexpr Words kFriendly[] = {"{agent}{very}耐心，一步一步教我。", "态度特别好，听声音就觉得舒服。",
                               "{agent}很热情，还主动帮我查了别的订单。", "语气温和，说话有礼貌，点赞。",
                               "我着急发了脾气，{agent}还一直安抚我，谢谢。"};
constexpr Words kQuick[] = {"秒回，{very}快。", "两分钟就搞定了。", "没有排队，一打就通。",
                            "处理及时，当天就补发了{item}。", "反应很快，不用我多解释。"};
constexpr Words kSolved[] = {
    "问题解决了，很专业。",         "退款当场就处理好了，满意。",           "之前别人说不行，今天这位{agent}给办成了。",
    "{item}换了新的，这次没问题。", "讲得很清楚，{policy}怎么赔都明白了。", "跟进到底，还回电确认了一遍。"};
constexpr Words kNeutral[] = {"还可以。",           "一般吧，没什么特别的。", "好",       "嗯嗯，就这样。",
                              "希望能多一些人工。", "凑合，下次看看。",       "没有问题", "👍"};

// In the order of Topic.
constexpr std::span<const Words> kBodies[] = {kLate,     kLost,          kDamaged,    kQuality,    kRefund,   kLogin,
                                              kInvoice,  kClaim,         kPolicyText, kWrongQueue, kLongWait, kSlow,
                                              kAttitude, kNotUnderstood, kCannotHelp, kNoClosing,  kShock,    kFriendly,
                                              kQuick,    kSolved,        kNeutral};
static_assert(std::size(kBodies) == static_cast<std::size_t>(Topic::neutral) + 1);

constexpr Words kComplaintLead[] = {"说实话，", "本来很信任你们，", "作为老客户很失望：", "第一次遇到这种事，",
                                    "不吐不快，"};
constexpr Words kComplaintTail[] = {"希望尽快给个说法。", "再这样就不买了。", "请领导看一下。",
                                    "已经截图了。",       "失望。",           "差评！",
                                    "麻烦给我回个电话。"};
constexpr Words kPraiseTail[] = {"谢谢！", "辛苦了。", "继续保持。", "五星好评~", "给个大大的赞👍", "值得表扬。"};

}  // namespace

std::string comment_zh(Dice& dice, Topic topic) {
  return compose(dice, topic, {kBodies, kSlots, kComplaintLead, kComplaintTail, kPraiseTail, ""});
}

std::size_t patterns_zh() { return count_patterns(kBodies); }

}  // namespace echoloop::sample
