#include "processors/dead_notice.h"

#include <fmt/format.h>

namespace echoloop {

void write_dead_letter(std::string id, stage::Topic topic, const stage::Record& record, state::Rejected rejected,
                       stage::Context& context) {
  // A place that another letter came from before: the topic was made anew.
  const std::string place = id;
  for (int again = 2; context.get(stage::Table::dead, id); ++again) id = fmt::format("{}-{}", place, again);
  state::DeadNotice notice;
  notice.set_id(std::move(id));
  notice.set_topic(std::string(name_of(topic)));
  notice.set_partition(context.shard());
  notice.set_offset(record.offset);
  *notice.mutable_rejected() = rejected;
  context.emit(stage::Topic::dead, stage::Kind::dead, std::string(record.key), notice.SerializeAsString());
  state::DeadLetter letter;
  *letter.mutable_rejected() = std::move(rejected);
  context.put(stage::Table::dead, notice.id(), letter.SerializeAsString());
}

}  // namespace echoloop
