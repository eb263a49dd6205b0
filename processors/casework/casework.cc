#include "processors/casework/casework.h"

#include <fmt/format.h>

#include "pipeline/stage/row_ages.h"
#include "processors/casework/digests.h"
#include "processors/casework/task_lists.h"
#include "schemas/codec.h"

namespace echoloop::casework {
namespace {

template <class Message>
Message parsed(const stage::Record& record) {
  Message message;
  if (!message.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) {
    throw stage::BrokenWorld({Fault::world, "topic cases",
                              fmt::format("a record of kind {} that cannot be read", static_cast<int>(record.kind))});
  }
  return message;
}

class Casework final : public stage::Processor {
 public:
  explicit Casework(std::shared_ptr<const CurrentDomain> current) : current_(std::move(current)) {}

  void begin(stage::Context& context) override { lists_.begin(context); }

  void process(const stage::Record& record, stage::Context& context) override {
    begin_epoch();
    book_.let_happen(context);
    switch (record.kind) {
      case stage::Kind::tick:
        break;
      case stage::Kind::verdict:
        take_verdict(parsed<state::Verdict>(record), *domain_, book_, context);
        break;
      case stage::Kind::digest:
        take_digest(parsed<state::Digest>(record), book_.now(context), context);
        break;
      case stage::Kind::rows:
        keep(parsed<state::Rows>(record), context);
        break;
      case stage::Kind::finding:
        take_finding(parsed<state::Finding>(record), *domain_, book_, context);
        break;
      case stage::Kind::case_signal: {
        auto signal = parsed<state::CaseSignal>(record);
        take_signal(signal, *domain_, book_, context);
        if (signal.kind() == state::CaseSignal::SAFETY) context.hurry();
        break;
      }
      case stage::Kind::command:
        // SESSIONS decoded it before it handed it on; a newer one may write commands that this one does not know, and
        // those lead nowhere.
        if (auto event = decoder_.decode(record.value); event && std::holds_alternative<TaskCommand>(event->data)) {
          take_command(record, *event, *domain_, book_, context);
          context.hurry();
        } else {
          context.count("commands_unreadable");
        }
        break;
      default:
        context.count("cases_unknown");
    }
  }

  void end_epoch(stage::Context& context) override {
    begin_epoch();
    lists_.go_on(book_, context);
    book_.flush(context);
    row_ages_.expire(stage::Table::command_results, "commands", domain_->session_retention, context);
    domain_.reset();
  }

 private:
  void begin_epoch() {
    if (domain_) return;
    domain_ = current_->get();
    book_.begin(*domain_);
  }

  // Deliveries keep nothing but their own.
  static void keep(const state::Rows& rows, stage::Context& context) {
    for (const state::Rows::Row& row : rows.rows()) {
      const stage::Table table{static_cast<std::uint8_t>(row.table())};
      if (table != stage::Table::deliveries && table != stage::Table::delivery_log) {
        context.count("cases_unknown");
      } else if (row.new_() && context.get(table, row.key())) {
        continue;
      } else if (row.has_value()) {
        context.put(table, row.key(), row.value());
      } else {
        context.erase(table, row.key());
      }
    }
  }

  std::shared_ptr<const CurrentDomain> current_;
  std::shared_ptr<const Domain> domain_;  // of this epoch
  EventDecoder decoder_;
  CaseBook book_;
  TaskLists lists_;
  stage::RowAges row_ages_;
};

}  // namespace

stage::StageSpec casework_stage(std::shared_ptr<const CurrentDomain> domain) {
  return {"casework", {stage::Topic::cases}, [domain](int) { return std::make_unique<Casework>(domain); }};
}

}  // namespace echoloop::casework
