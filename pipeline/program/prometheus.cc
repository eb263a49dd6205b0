#include "pipeline/program/prometheus.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace echoloop::program {
namespace {

// Series made of durable counters: name, help, label, and counter per label value.
struct Series {
  const char* name;
  const char* help;
  const char* label;
  std::vector<std::pair<const char*, const char*>> values;  // label value → counter row
};

const std::vector<Series>& counters() {
  static const std::vector<Series> kCounters = {
      {"echoloop_events_total",
       "Events by what became of them.",
       "outcome",
       {{"applied", "events_applied"}, {"duplicate", "events_duplicate"}, {"different", "events_different"}}},
      {"echoloop_events_misplaced_total",
       "Events that lay in a partition that is not their session's, and were sent on to the right one.",
       "",
       {{"", "events_misplaced"}}},
      {"echoloop_dead_letters_total", "Documents and records kept as dead letters.", "", {{"", "dead_letters"}}},
      {"echoloop_sessions_closed_total", "Sessions whose close has arrived.", "", {{"", "sessions_closed"}}},
      {"echoloop_sessions_recounted_total",
       "Sessions counted anew after a change of the counting rules.",
       "",
       {{"", "sessions_recounted"}}},
      {"echoloop_sessions_expired_total",
       "Sessions forgotten because nothing touched them for as long as the retention.",
       "",
       {{"", "sessions_expired"}}},
      {"echoloop_tasks_opened_total", "Tasks opened.", "", {{"", "tasks_opened"}}},
      {"echoloop_commands_total",
       "Commands on tasks.",
       "outcome",
       {{"decided", "commands_decided"},
        {"refused", "dead_commands"},
        {"duplicate", "commands_duplicate"},
        {"different", "commands_different"}}},
  };
  return kCounters;
}

void gauge(prometheus::Registry& registry, const char* name, const char* help, double value) {
  prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({}).Set(value);
}

// Those of SESSIONS and those of CASEWORK, which counts its own.
std::int64_t open_letters(const serving::Sources& sources) {
  return sources.counter("dead_letters_open") + sources.counter("dead_commands") -
         sources.counter("dead_commands_settled");
}

void add_deliveries(prometheus::Registry& registry,
                    const std::map<std::string, delivery::EndpointTeller::Counts>& all) {
  auto& attempts = prometheus::BuildCounter()
                       .Name("echoloop_delivery_attempts_total")
                       .Help("Attempts to tell an endpoint, since the start.")
                       .Register(registry);
  auto& delivered = prometheus::BuildCounter()
                        .Name("echoloop_deliveries_total")
                        .Help("Messages that an endpoint took, since the start.")
                        .Register(registry);
  auto& failed = prometheus::BuildCounter()
                     .Name("echoloop_deliveries_failed_total")
                     .Help("Messages given up, since the start.")
                     .Register(registry);
  auto& waiting = prometheus::BuildGauge()
                      .Name("echoloop_deliveries_waiting")
                      .Help("Task events that an endpoint has not been told yet.")
                      .Register(registry);
  auto& gone = prometheus::BuildGauge()
                   .Name("echoloop_endpoint_gone")
                   .Help("1 when the endpoint answered 410 and is told nothing more.")
                   .Register(registry);
  for (const auto& [endpoint, counts] : all) {
    const prometheus::Labels labels{{"endpoint", endpoint}};
    attempts.Add(labels).Increment(static_cast<double>(counts.attempts));
    delivered.Add(labels).Increment(static_cast<double>(counts.delivered));
    failed.Add(labels).Increment(static_cast<double>(counts.failed));
    waiting.Add(labels).Set(static_cast<double>(counts.waiting));
    gone.Add(labels).Set(counts.gone ? 1 : 0);
  }
}

}  // namespace

std::string prometheus_text(Pipeline& pipeline, const http::ServerStats& server, bool reload_succeeded,
                            const std::map<std::string, std::int64_t>& unsigned_hooks) {
  prometheus::Registry registry;
  for (const Series& series : counters()) {
    auto& family = prometheus::BuildCounter().Name(series.name).Help(series.help).Register(registry);
    for (const auto& [value, row] : series.values) {
      prometheus::Labels labels;
      if (*series.label != '\0') labels[series.label] = value;
      family.Add(labels).Increment(static_cast<double>(pipeline.sources()->counter(row)));
    }
  }
  auto& others = prometheus::BuildCounter()
                     .Name("echoloop_cells_other_total")
                     .Help("Changes of aggregates counted under `other` because the dimension has too many values.")
                     .Register(registry);
  for (std::string_view dimension : kDimensions) {
    const std::string name{dimension};
    others.Add({{"dimension", name}})
        .Increment(static_cast<double>(pipeline.sources()->counter("cells_other/" + name)));
  }
  auto& hooks = prometheus::BuildCounter()
                    .Name("echoloop_hooks_unsigned_total")
                    .Help("Webhooks taken unsigned because the secret of their adapter is not set.")
                    .Register(registry);
  for (const auto& [adapter, count] : unsigned_hooks) {
    hooks.Add({{"adapter", adapter}}).Increment(static_cast<double>(count));
  }
  gauge(registry, "echoloop_dead_letters_open", "Dead letters that wait to be mended.",
        static_cast<double>(open_letters(*pipeline.sources())));
  if (pipeline.deliveries() != nullptr) add_deliveries(registry, pipeline.deliveries()->counts());
  gauge(registry, "echoloop_orphan_sessions", "Sessions with events whose close has not arrived.",
        static_cast<double>(pipeline.sources()->counter("orphans")));
  gauge(registry, "echoloop_shards_held", "Shards of each stage that this process runs.",
        static_cast<double>(pipeline.ground().shards().size()));
  const auto copies = pipeline.ground().copies();
  gauge(registry, "echoloop_shard_copies", "Shards held by other members of which this one keeps a copy.",
        static_cast<double>(copies.shards));
  gauge(registry, "echoloop_shard_copies_behind_records", "Records of the changelog that those copies lack.",
        static_cast<double>(copies.behind));
  gauge(registry, "echoloop_log_backlog_records", "Durable events that the stages have not processed yet.",
        static_cast<double>(pipeline.ground().backlog()));
  gauge(registry, "echoloop_log_bytes", "Size of the event log on disk.",
        static_cast<double>(pipeline.ground().log_bytes()));
  gauge(registry, "echoloop_clock_doubted", "1 while the wall clock stands ahead of stage time after a leap.",
        pipeline.clock_doubted() ? 1 : 0);
  gauge(registry, "echoloop_http_connections", "Open HTTP connections.", static_cast<double>(server.connections));
  gauge(registry, "echoloop_http_requests_waiting", "Requests that run or wait for a worker.",
        static_cast<double>(server.waiting));
  gauge(registry, "echoloop_config_last_reload_successful", "1 when the configuration last asked for is in force.",
        reload_succeeded ? 1 : 0);
  gauge(registry, "echoloop_up", "1 while the engine runs.", pipeline.failure() ? 0 : 1);
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

}  // namespace echoloop::program
