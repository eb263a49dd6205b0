#include "processors/sessions/dead_letters.h"

#include <fmt/format.h>

#include <algorithm>

#include "processors/dead_notice.h"
#include "schemas/dead_letter.h"
#include "schemas/state.pb.h"

namespace echoloop::sessions {
namespace {

constexpr std::size_t kDocument_bytes_max = std::size_t{16} << 20;

void keep(const stage::Record& record, state::Rejected rejected, stage::Context& context) {
  if (!rejected.replay_of().empty()) {
    // Another failure of a letter that is here already: the letter stays, with its newest reason.
    if (auto row = context.get(stage::Table::dead, rejected.replay_of())) {
      state::DeadLetter letter;
      letter.ParseFromString(*row);
      letter.mutable_rejected()->set_reason(rejected.reason());
      letter.mutable_rejected()->set_where(rejected.where());
      letter.set_replays(letter.replays() + 1);
      context.put(stage::Table::dead, rejected.replay_of(), letter.SerializeAsString());
      return;
    }
  }
  write_dead_letter(dead_letter_id(context.shard(), record.place()),
                    record.misplaced ? stage::Topic::misplaced : stage::Topic::events, record, std::move(rejected),
                    context);
  context.count("dead_letters");
  context.count("dead_letters_open");
}

}  // namespace

std::string dead_letter_id(int shard, std::int64_t offset) { return fmt::format("{}-{}", shard, offset); }

void keep_rejected(const stage::Record& record, stage::Context& context) {
  state::Rejected rejected;
  if (!rejected.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) {
    return keep_refused(record, "", {Fault::bad_input, "", "a rejected document that cannot be read back"}, context);
  }
  keep(record, std::move(rejected), context);
}

void keep_refused(const stage::Record& record, std::string_view tenant, const Error& error, stage::Context& context) {
  state::Rejected rejected;
  rejected.set_tenant(std::string(tenant));
  // Larger than any door takes: the whole of it lies in its topic.
  const bool whole = record.value.size() <= kDocument_bytes_max;
  rejected.set_document(record.value.data(), std::min(record.value.size(), kDocument_bytes_max));
  rejected.set_where(shortened(error.where));
  rejected.set_reason(shortened(error.reason) + (whole ? "" : " (the first 16 MiB are kept here)"));
  rejected.set_door("stage");
  rejected.set_received_at(to_ms(record.at));
  keep(record, std::move(rejected), context);
}

void settle(const stage::Record& record, Duration retention, stage::Context& context) {
  state::DeadSettled settled;
  if (!settled.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) return;
  auto row = context.get(stage::Table::dead, settled.id());
  if (!row) return;
  state::DeadLetter letter;
  letter.ParseFromString(*row);
  const bool of_casework = settled.id().find("-c") != std::string::npos;
  if (letter.state() == state::DeadLetter::OPEN) {
    context.count(of_casework ? "dead_commands_settled" : "dead_letters_open", of_casework ? 1 : -1);
  }
  letter.set_state(settled.state());
  letter.set_settled_at(to_ms(record.at));
  context.put(stage::Table::dead, settled.id(), letter.SerializeAsString());
  stage::RowAges::note(stage::Table::dead, settled.id(), retention, context);
}

void expire_settled(stage::RowAges& ages, Duration retention, stage::Context& context) {
  ages.expire(stage::Table::dead, "dead_letters", retention, context, [](std::string_view row, Time before) {
    state::DeadLetter letter;
    letter.ParseFromArray(row.data(), static_cast<int>(row.size()));
    return letter.state() != state::DeadLetter::OPEN && letter.settled_at() < to_ms(before);
  });
}

}  // namespace echoloop::sessions
