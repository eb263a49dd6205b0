#include "tests/behaviour/stage_play.h"

#include <fmt/format.h>

#include <stdexcept>

#include "processors/casework/casework.h"
#include "tests/behaviour/documents.h"
#include "tests/behaviour/looks.h"
#include "tests/stages/configuration.h"

namespace echoloop::behaviour {
namespace {

class Play {
 public:
  Play(DomainTexts configuration, Manner manner, std::uint64_t seed)
      : configuration_(std::move(configuration)), manner_(manner) {
    if (manner == Manner::step_by_step) return;
    options_.workers = 2;
    options_.epoch_records_max = 1 + seed % 7 * 3;
    options_.seed = seed;
    options_.commit_failures = 0.2;
  }

  Seen perform(const Step& step) {
    if (step.verb == "config") {
      std::string& text = configuration_[step.words.at(0)];
      text.clear();
      for (const std::string& line : step.block) text += line + "\n";
      return {};
    }
    if (step.verb == "option") {
      set_option(step);
      return {};
    }
    if (!driver_) driver_ = std::make_unique<stages::Driver>(domain(), options_);
    if (step.verb == "command") return command(step);
    if (auto seen = look(step); seen.looks) return seen;
    for (int i = 1; i <= step.times; ++i) {
      act(round_of(step, i));
      if (manner_ == Manner::step_by_step) driver_->run();
    }
    return {};
  }

 private:
  std::shared_ptr<const Domain> domain() const {
    return stages::loaded(configuration_, strict_tenants_, session_retention_);
  }

  void set_option(const Step& step) {
    if (step.words.at(0) == "strict-tenants") {
      strict_tenants_ = true;
    } else if (step.words.at(0) == "retention.sessions") {
      session_retention_ = parse_duration(step.words.at(1)).value();
    } else {
      throw std::runtime_error("there is no such option");
    }
  }

  void send(std::string document) {
    last_ = std::move(document);
    driver_->append(last_);
  }

  void act(const Step& step) {
    if (is_event(step.verb)) {
      send(document_of(step, driver_->now(), std::to_string(++ids_)));
    } else if (step.verb == "event") {
      send(step.data);
    } else if (step.verb == "again") {
      send(last_);
    } else if (step.verb == "at") {
      auto time = parse_time(step.words.at(0));
      if (!time) throw std::runtime_error(time.error().text());
      driver_->set_now(*time);
    } else if (step.verb == "later") {
      auto duration = parse_duration(step.words.at(0));
      if (!duration) throw std::runtime_error(duration.error().text());
      driver_->set_now(driver_->now() + *duration);
    } else if (step.verb == "record") {
      const auto space = step.data.find(' ');
      driver_->append(static_cast<stage::Kind>(std::stoi(step.data)), "some-key", step.data.substr(space + 1));
    } else if (step.verb == "tick") {
      driver_->append(stage::Kind::tick, "some-key", casework::tenant_key("acme"));
    } else if (step.verb == "reload") {
      driver_->reload(domain());
    } else if (step.verb == "restart") {
      driver_->restart();
    } else if (step.verb == "fail") {
      driver_->fail_next_commit();
    } else {
      throw std::runtime_error(fmt::format("'{}' is not a step", step.verb));
    }
  }

  // A person acts on what they see, so all comes to rest before; the answer is looked at.
  Seen command(const Step& step) {
    driver_->run();
    Step named = step;
    const auto task = find_task(*driver_, step.words);
    named.data.insert(
        1, fmt::format("task_id: '{}', tenant: '{}', source: '{}', ", task.id(), task.tenant(), casework::kApiSource));
    const std::string id = std::to_string(++ids_);
    send(document_of(named, driver_->now(), id));
    driver_->run();
    auto result = driver_->answer(casework::kApiSource, id);
    if (!result) throw std::runtime_error("the command was never answered");
    return {manner_ == Manner::step_by_step, answer_of(*result)};
  }

  Seen look(const Step& step) {
    const bool every_manner = step.verb == "rows" || step.verb == "dead";
    const bool known =
        every_manner || step.verb == "tasks" || step.verb == "told" || step.verb == "counts" || step.verb == "history";
    if (!known) return {};
    driver_->run();
    if (!every_manner && manner_ != Manner::step_by_step) return {true, step.block};
    if (step.verb == "rows") return {true, rows_of(*driver_, step.words.at(0), step.fields)};
    if (step.verb == "dead") return {true, dead_in(*driver_)};
    if (step.verb == "tasks") return {true, tasks_of(*driver_, step.fields)};
    if (step.verb == "told") return {true, told_by(*driver_)};
    if (step.verb == "counts") return {true, counts_of(*driver_, step.fields)};
    return {true, history_of(find_task(*driver_, step.words))};
  }

  DomainTexts configuration_;
  const Manner manner_;
  stages::DriverOptions options_;
  bool strict_tenants_ = false;
  Duration session_retention_ = Domain{}.session_retention;
  std::unique_ptr<stages::Driver> driver_;
  int ids_ = 0;
  std::string last_;
};

}  // namespace

std::vector<Seen> play(const std::vector<Step>& steps, DomainTexts configuration, Manner manner, std::uint64_t seed) {
  Play stage{std::move(configuration), manner, seed};
  std::vector<Seen> out;
  for (const Step& step : steps) {
    try {
      out.push_back(stage.perform(step));
    } catch (const std::exception& fault) {
      throw std::runtime_error(fmt::format("line {}: {}: {}", step.line, step.verb, fault.what()));
    }
  }
  return out;
}

}  // namespace echoloop::behaviour
