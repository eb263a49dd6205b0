// The bytes of session rows against protobuf: what one writes the other reads, and it writes the same bytes again.
#include "schemas/session.h"

#include <gtest/gtest.h>

#include <random>

#include "generated/session_wire.pb.h"

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

TEST(Session, ItsBytesAreProtobufs) {
  std::mt19937_64 random{1};
  for (int round = 0; round < 2000; ++round) {
    wire::Session message;
    fill(message, random);
    const std::string wanted = message.SerializeAsString();
    Arena arena;
    SessionRow row;
    ASSERT_TRUE(parse(wanted, arena, row)) << round;
    EXPECT_EQ(row.counted, message.counted().SerializeAsString());
    EXPECT_EQ(row.facts.bucket, message.counted().bucket());
    std::string written;
    put(static_cast<const Session&>(row), written);
    ASSERT_EQ(written, wanted) << round;
    std::string facts;
    put(row.facts, facts);
    ASSERT_EQ(facts, row.counted) << round;
  }
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
    std::string bytes = message.SerializeAsString();
    if (bytes.empty()) continue;
    if (random() % 2 == 0) {
      bytes.resize(random() % bytes.size());
    } else {
      bytes[random() % bytes.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    Arena arena;
    SessionRow row;
    refused += !parse(bytes, arena, row);
    std::string written;
    put(static_cast<const Session&>(row), written);
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
