// The bytes of session rows against protobuf: what one writes the other reads, and it writes the same bytes again. What
// is left out of them because the row says it already comes back.
#include "schemas/session.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "generated/session_wire.pb.h"
#include "pipeline/base/hash.h"

namespace echoloop::state {
namespace {

using google::protobuf::FieldDescriptor;

std::string random_text(std::mt19937_64& random) {
  static const char* kTexts[] = {"", "a", "处理得很快", "somewhat longer than a short string", "a\0b"};
  std::string text = kTexts[random() % 5];
  if (random() % 20 == 0) text.append(300, 'x');
  return text;
}

std::int64_t random_number(std::mt19937_64& random) {
  const std::int64_t kNumbers[] = {0, 1, -1, 127, 128, 1'772'323'200'000, INT64_MIN, INT64_MAX};
  return kNumbers[random() % 8];
}

// Some of the fields, of every kind the rows have.
void fill(google::protobuf::Message& message, std::mt19937_64& random) {
  const auto* reflection = message.GetReflection();
  const auto* fields = message.GetDescriptor();
  for (int i = 0; i < fields->field_count(); ++i) {
    const FieldDescriptor* field = fields->field(i);
    // What stands for what is left out: it must fit the rest of the row.
    static const std::set<std::string> kShorter = {"id_uuid", "evaluation_id_is_id", "as_row", "tags_as_row",
                                                   "seen_as_row"};
    if (kShorter.contains(field->name())) continue;
    for (auto n = random() % (field->is_repeated() ? 4 : 2); n > 0; --n) {
      const bool repeated = field->is_repeated();
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING:
          if (repeated) {
            reflection->AddString(&message, field, random_text(random));
          } else {
            reflection->SetString(&message, field, random_text(random));
          }
          break;
        case FieldDescriptor::CPPTYPE_MESSAGE:
          fill(repeated ? *reflection->AddMessage(&message, field) : *reflection->MutableMessage(&message, field),
               random);
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          if (repeated) {
            reflection->AddBool(&message, field, random() % 2 == 0);
          } else {
            reflection->SetBool(&message, field, random() % 2 == 0);
          }
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          reflection->SetInt64(&message, field, random_number(random));
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          reflection->SetUInt64(&message, field, random());
          break;
        case FieldDescriptor::CPPTYPE_INT32:
          reflection->SetInt32(&message, field, static_cast<int>(random_number(random)));
          break;
        case FieldDescriptor::CPPTYPE_ENUM:
          reflection->SetEnumValue(&message, field, static_cast<int>(random() % 3));
          break;
        default:
          FAIL() << field->full_name();
      }
    }
  }
}

// Much of what it says twice, as rows of sessions do.
void repeat(wire::Session& message, std::mt19937_64& random) {
  const auto now_and_then = [&] { return random() % 4 != 0; };
  const auto hash = [](const std::string& source, const std::string& id) { return hash128(source + '\0' + id); };
  std::string seen;
  for (wire::Evaluation& evaluation : *message.mutable_evaluations()) {
    if (now_and_then()) evaluation.set_id("c1b2d3e4-0000-4f5a-9bcd-ef012345678" + std::to_string(random() % 10));
    if (random() % 9 == 0) evaluation.set_id("C1b2d3e4-0000-4f5a-9bcd-ef0123456789");  // not as UUIDs are written here
    if (now_and_then()) evaluation.set_evaluation_id(evaluation.id());
    seen += now_and_then() ? hash(evaluation.source(), evaluation.id()) : std::string(16, 'h');
  }
  if (message.has_close()) {
    message.mutable_close()->set_closed_at(1'772'323'200'000 + static_cast<std::int64_t>(random() % 90'000'000));
    if (now_and_then()) message.mutable_close()->set_id("ffffffff-ffff-ffff-ffff-ffffffffffff");
    seen += hash(message.close().source(), message.close().id());
  }
  if (now_and_then()) message.set_seen(seen);
  if (!message.has_counted()) return;
  wire::Facts& facts = *message.mutable_counted();
  if (now_and_then()) {
    facts.clear_tags();
    for (const wire::Evaluation& evaluation : message.evaluations()) facts.mutable_tags()->MergeFrom(evaluation.tags());
    for (const wire::TagStatement& statement : message.statements()) facts.add_tags(statement.tag());
  }
  if (now_and_then()) {
    facts.clear_moments();
    facts.add_moments("unknown");
  }
  if (message.evaluations_size() == 1 && now_and_then()) {
    const wire::Evaluation& evaluation = message.evaluations(0);
    facts.clear_standing();
    wire::Facts::Standing& standing = *facts.add_standing();
    standing.set_survey(evaluation.survey());
    standing.set_version(evaluation.version());
    standing.set_language(evaluation.language());
    standing.set_delay("T+1");
    standing.set_kind(static_cast<int>(random() % 3));
    standing.set_has_score(evaluation.has_score());
    standing.set_score(evaluation.score());
    standing.set_score_min(evaluation.score_min());
    standing.set_score_max(evaluation.score_max());
    standing.set_top(random() % 2 == 0);
    for (const wire::Answer& answer : evaluation.answers()) {
      standing.add_questions(answer.question());
      standing.add_skipped(answer.skipped());
    }
    standing.set_wants_contact(evaluation.wants_contact());
    facts.set_latest_submitted_at(evaluation.submitted_at());
  }
  if (!message.has_close()) return;
  const wire::Close& close = message.close();
  if (now_and_then()) facts.set_bucket(close.closed_at() / 3'600'000 * 3'600'000);
  if (!now_and_then()) return;
  facts.set_channel(close.channel());
  facts.set_category(close.category());
  facts.set_entity(close.entity());
  facts.set_routing_version(close.routing_version());
  facts.set_agent_resolution(close.agent_resolution());
  close.has_handle_ms() ? facts.set_handle_ms(close.handle_ms()) : facts.clear_handle_ms();
  close.has_queued_ms() ? facts.set_queued_ms(close.queued_ms()) : facts.clear_queued_ms();
  close.has_first_reply_ms() ? facts.set_first_reply_ms(close.first_reply_ms()) : facts.clear_first_reply_ms();
  for (auto clear : {&wire::Facts::clear_agent, &wire::Facts::clear_group, &wire::Facts::clear_department,
                     &wire::Facts::clear_bot, &wire::Facts::clear_credits})
    (facts.*clear)();
  for (const wire::Handler& handler : close.agents()) {
    if (handler.bot()) {
      facts.set_bot(handler.id());
      continue;
    }
    facts.set_agent(handler.id());
    facts.set_group(handler.group());
    facts.set_department(handler.department());
    wire::Facts::Credit& credit = *facts.add_credits();
    credit.set_agent(handler.id());
    credit.set_group(handler.group());
    credit.set_department(handler.department());
    if (handler.has_from() && handler.has_to())
      credit.set_ms(static_cast<std::int64_t>(static_cast<std::uint64_t>(handler.to()) -
                                              static_cast<std::uint64_t>(handler.from())));
  }
}

// One fact that is not as the rest of the row has it: all but one being the same is not the same.
void spoil(wire::Facts& facts, std::mt19937_64& random) {
  wire::Facts::Standing* standing = facts.standing_size() > 0 ? facts.mutable_standing(0) : nullptr;
  wire::Facts::Credit* credit = facts.credits_size() > 0 ? facts.mutable_credits(0) : nullptr;
  const std::function<void()> changes[] = {
      [&] { facts.set_latest_submitted_at(facts.latest_submitted_at() ^ 1); },
      [&] { facts.set_bucket(facts.bucket() ^ 1); },
      [&] { facts.set_channel(facts.channel() + "x"); },
      [&] { facts.set_category(facts.category() + "x"); },
      [&] { facts.set_entity(facts.entity() + "x"); },
      [&] { facts.set_routing_version(facts.routing_version() + "x"); },
      [&] { facts.set_agent_resolution(facts.agent_resolution() ^ 1); },
      [&] { facts.set_handle_ms(facts.handle_ms() ^ 1); },
      [&] { facts.set_queued_ms(facts.queued_ms() ^ 1); },
      [&] { facts.set_first_reply_ms(facts.first_reply_ms() ^ 1); },
      [&] { facts.set_agent(facts.agent() + "x"); },
      [&] { facts.set_group(facts.group() + "x"); },
      [&] { facts.set_department(facts.department() + "x"); },
      [&] { facts.set_bot(facts.bot() + "x"); },
      [&] { facts.add_credits(); },
      [&] { facts.add_tags("of nobody"); },
      [&] { facts.add_moments("unknown"); },
      [&] { facts.add_standing(); },
      [&] {
        if (credit) credit->set_agent(credit->agent() + "x");
      },
      [&] {
        if (credit) credit->set_group(credit->group() + "x");
      },
      [&] {
        if (credit) credit->set_department(credit->department() + "x");
      },
      [&] {
        if (credit) credit->set_ms(credit->ms() ^ 1);
      },
      [&] {
        if (standing) standing->set_survey(standing->survey() + "x");
      },
      [&] {
        if (standing) standing->set_version(standing->version() + "x");
      },
      [&] {
        if (standing) standing->set_language(standing->language() + "x");
      },
      [&] {
        if (standing) standing->set_has_score(!standing->has_score());
      },
      [&] {
        if (standing) standing->set_score(standing->score() ^ 1);
      },
      [&] {
        if (standing) standing->set_score_min(standing->score_min() ^ 1);
      },
      [&] {
        if (standing) standing->set_score_max(standing->score_max() ^ 1);
      },
      [&] {
        if (standing) standing->set_wants_contact(!standing->wants_contact());
      },
      [&] {
        if (standing) standing->add_questions("of nobody");
      },
      [&] {
        if (standing) standing->add_skipped(true);
      },
  };
  changes[random() % std::size(changes)]();
}

TEST(Session, ItsBytesAreProtobufs) {
  std::mt19937_64 random{1};
  for (int round = 0; round < 2000; ++round) {
    wire::Session message;
    fill(message, random);
    const std::string wanted = message.SerializeAsString();
    Arena arena;
    Session row;
    ASSERT_TRUE(parse(wanted, arena, row)) << round;
    EXPECT_EQ(row.counted, message.has_counted());
    std::string facts;
    put(row.facts, facts);
    ASSERT_EQ(facts, message.counted().SerializeAsString()) << round;
    std::string written;
    put(row, written);
    wire::Session again;
    ASSERT_TRUE(again.ParseFromString(written)) << round;
    ASSERT_TRUE(again.GetReflection()->GetUnknownFields(again).empty()) << round;
    ASSERT_EQ(again.SerializeAsString(), written) << round;
  }
}

// Bytes of an earlier version, which say everything, and the shorter ones that are written now are the same row.
TEST(Session, WhatIsLeftOutComesBack) {
  std::mt19937_64 random{3};
  std::size_t before = 0, after = 0;
  int with_hash = 0, whole = 0;
  for (int round = 0; round < 10'000; ++round) {
    wire::Session message;
    fill(message, random);
    repeat(message, random);
    if (message.has_counted() && round % 2 == 0) spoil(*message.mutable_counted(), random);
    const std::string wanted = message.SerializeAsString();
    Arena arena;
    Session long_row, row;
    ASSERT_TRUE(parse(wanted, arena, long_row)) << round;
    std::string written, again, facts;
    put(long_row, written);
    ASSERT_TRUE(parse(written, arena, row)) << round;
    put(row, again);
    ASSERT_EQ(again, written) << round;
    put(row.facts, facts);
    ASSERT_EQ(facts, message.counted().SerializeAsString()) << round;
    ASSERT_EQ(std::string_view(row.seen.data(), row.seen.size()), message.seen()) << round;
    ASSERT_EQ(row.close.has_value(), message.has_close());
    ASSERT_EQ(row.close ? row.close->id : Text{}, message.close().id()) << round;
    ASSERT_EQ(row.evaluations.size(), static_cast<std::size_t>(message.evaluations_size()));
    for (int i = 0; i < message.evaluations_size(); ++i) {
      const Evaluation& evaluation = row.evaluations[static_cast<std::size_t>(i)];
      ASSERT_EQ(evaluation.id, message.evaluations(i).id()) << round;
      ASSERT_EQ(evaluation.evaluation_id, message.evaluations(i).evaluation_id()) << round;
    }
    // The rest is written as it was read.
    wire::Session rest;
    ASSERT_TRUE(rest.ParseFromString(written));
    with_hash += rest.seen().size() < message.seen().size();
    whole += rest.counted().as_row() == 15;
    for (wire::Session* one : {&rest, &message}) {
      one->clear_seen();
      one->clear_seen_as_row();
      one->clear_counted();
      if (one->has_close()) {
        one->mutable_close()->clear_id();
        one->mutable_close()->clear_id_uuid();
      }
      for (wire::Evaluation& evaluation : *one->mutable_evaluations()) {
        evaluation.clear_id();
        evaluation.clear_id_uuid();
        evaluation.clear_evaluation_id();
        evaluation.clear_evaluation_id_is_id();
      }
    }
    ASSERT_EQ(rest.SerializeAsString(), message.SerializeAsString()) << round;
    before += wanted.size();
    after += written.size();
  }
  EXPECT_LT(after * 10, before * 9);
  EXPECT_GT(with_hash, 1000);
  EXPECT_GT(whole, 50);
}

TEST(Session, FieldsOfALaterVersionAreLeftOut) {
  wire::Session message;
  message.set_touched_at(7);
  std::string bytes = message.SerializeAsString();
  for (std::string_view later : {std::string_view("\xa0\x06\x05", 3), std::string_view("\xaa\x06\x02hi", 5)})
    bytes += later;
  Arena arena;
  Session row;
  ASSERT_TRUE(parse(bytes, arena, row));
  EXPECT_EQ(row.touched_at, 7);
  std::string written;
  put(row, written);
  EXPECT_EQ(written, message.SerializeAsString());
}

TEST(Session, DamagedBytesAreRefusedOrReadButNeverCrash) {
  std::mt19937_64 random{2};
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    wire::Session message;
    fill(message, random);
    if (round % 2 == 0) repeat(message, random);
    std::string bytes = message.SerializeAsString();
    if (bytes.empty()) continue;
    if (round % 2 == 0) {
      Arena arena;
      Session row;
      ASSERT_TRUE(parse(bytes, arena, row));
      const std::string whole = std::exchange(bytes, {});
      put(row, bytes);
    }
    if (random() % 2 == 0) {
      bytes.resize(random() % bytes.size());
    } else {
      bytes[random() % bytes.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    Arena arena;
    Session row;
    refused += !parse(bytes, arena, row);
    std::string written;
    put(row, written);
  }
  EXPECT_GT(refused, 500);
}

TEST(List, GrowsInItsArenaAndLeavesWhatItWasMadeOverAlone) {
  Arena arena;
  const int foreign[] = {1, 2, 3};
  auto list = List<int>::over(foreign, 3);
  EXPECT_EQ(list.data(), foreign);
  for (int i = 4; i <= 100'000; ++i) list.add(arena, i);
  ASSERT_EQ(list.size(), 100'000u);
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(list[static_cast<std::size_t>(i)], i + 1);
  arena.reset();
  EXPECT_EQ(arena.copy("again"), "again");
}

}  // namespace
}  // namespace echoloop::state
