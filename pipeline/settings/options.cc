#include "pipeline/settings/options.h"

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cassert>
#include <cctype>
#include <sstream>
#include <vector>

#include "pipeline/settings/values.h"

namespace echoloop {
namespace {

using enum Command;

// How a row's value is written, bounded and stored.
struct Value {
  std::string kind;
  std::string bounds;
  std::function<Result<void>(Settings&, std::string_view)> take;
};

// A whole number or a quantity: `parse` reads the value and the bounds alike, `set` stores it.
template <class T, class Set>
Value bounded(std::string kind, Result<T> (*parse)(std::string_view), std::string least, std::string most, Set set) {
  T low = parse(least).value();
  T high = parse(most).value();
  return {std::move(kind), fmt::format("{}..{}", least, most),
          [=](Settings& settings, std::string_view text) -> Result<void> {
            auto value = parse(text);
            if (!value) return tl::make_unexpected(value.error());
            if (*value < low || high < *value) {
              return bad_input("", fmt::format("{} is not between {} and {}", text, least, most));
            }
            set(settings, *value);
            return {};
          }};
}

template <class Set>
Value size(std::string least, std::string most, Set set) {
  return bounded<std::uint64_t>("SIZE", parse_size, std::move(least), std::move(most), set);
}
template <class Set>
Value count(std::string least, std::string most, Set set) {
  return bounded<std::uint64_t>("N", parse_count, std::move(least), std::move(most), set);
}
template <class Set>
Value duration(std::string least, std::string most, Set set) {
  return bounded<Duration>("DURATION", parse_duration, std::move(least), std::move(most), set);
}

// Anything a function reads that has no bounds.
template <class T, class Set>
Value free(std::string kind, Result<T> (*parse)(std::string_view), Set set) {
  return {std::move(kind), "", [=](Settings& settings, std::string_view text) -> Result<void> {
            auto value = parse(text);
            if (!value) return tl::make_unexpected(value.error());
            set(settings, std::move(*value));
            return {};
          }};
}

Result<std::string> parse_text(std::string_view text) {
  if (text.empty()) return bad_input("", "is empty");
  return std::string(text);
}
template <class Set>
Value text(std::string kind, Set set) {
  return free<std::string>(std::move(kind), parse_text, set);
}

template <class E, class Set>
Value one_of(std::vector<std::pair<std::string, E>> choices, Set set) {
  std::string words;
  for (const auto& [word, meaning] : choices) words += (words.empty() ? "" : "|") + word;
  return {words, "", [=](Settings& settings, std::string_view given) -> Result<void> {
            for (const auto& [word, meaning] : choices) {
              if (word != given) continue;
              set(settings, meaning);
              return {};
            }
            return bad_input("", fmt::format("'{}' is none of {}", given.substr(0, 64), words));
          }};
}

template <class Set>
Value flag(Set set) {
  return free<bool>("", parse_flag, set);
}

Option row(std::string name, std::string fallback, Value value, Commands commands, std::string help) {
  return {std::move(name), std::move(value.kind), std::move(fallback),  std::move(value.bounds),
          commands,        std::move(help),       std::move(value.take)};
}

// An option that may be given several times: its values arrive one a line.
Option repeated(Option option) {
  option.repeats = true;
  return option;
}

const Commands kPipeline = {run, import_files};
const Commands kStores = {run, import_files, try_rules, explain, export_rows, dead, deliveries, verify_store};
const Commands kReaders = {try_rules, explain, export_rows, dead};
const Commands kClients = {import_files, try_rules, explain, export_rows, dead, deliveries};
const Commands kConfigured = {run, import_files, check, try_rules, explain, export_rows, dead};
const Commands kMetrics = {explain, export_rows};
const Commands kSpans = {try_rules, explain, export_rows};

// The table. Defaults and bounds stand here and nowhere else.
std::vector<Option> make_table() {
  return {
      row("data", "./data", text("DIR", [](Settings& s, std::string v) { s.data = v; }), kStores,
          "folder of everything that echoloop keeps"),
      row("config-dir", "", text("DIR", [](Settings& s, std::string v) { s.config_dir = v; }), kConfigured,
          "folder of the domain configuration; without it the project's config/, or the installed one"),
      row("log.level", "info",
          one_of<LogLevel>({{"debug", LogLevel::debug},
                            {"info", LogLevel::info},
                            {"warning", LogLevel::warning},
                            {"error", LogLevel::error}},
                           [](Settings& s, LogLevel v) { s.log_level = v; }),
          kConfigured, "how much is told on standard error"),
      row("listen", "127.0.0.1:8080",
          free<Address>("HOST:PORT", parse_address, [](Settings& s, Address v) { s.listen = std::move(v); }), {run},
          "where the API listens; port 0 lets the system choose"),
      row("server", "",
          free<std::string>("URL", parse_server, [](Settings& s, std::string v) { s.server = std::move(v); }), kClients,
          "go through the server that runs there (http://host:port) instead of opening --data"),
      row("memory", "1GiB", size("64MiB", "1TiB", [](Settings& s, std::uint64_t v) { s.memory_bytes = v; }), kStores,
          "caches and tables together stay below it; the rest lies on disk"),
      row("shards", "4",
          count("1", "64", [](Settings& s, std::uint64_t v) { s.shards = static_cast<std::uint32_t>(v); }), kPipeline,
          "shards of each stage; fixed when the data folder is made"),
      row("workers", "2",
          count("1", "64", [](Settings& s, std::uint64_t v) { s.workers = static_cast<std::uint32_t>(v); }), kPipeline,
          "threads that run shards"),
      row("clock", "wall",
          one_of<Clock>({{"wall", Clock::wall}, {"event", Clock::event}}, [](Settings& s, Clock v) { s.clock = v; }),
          kPipeline, "what stage time follows: the wall clock, or the times in the data (samples, tests)"),
      row("epoch.interval", "100ms", duration("1ms", "10s", [](Settings& s, Duration v) { s.epoch_interval = v; }),
          kPipeline, "the longest that records wait for the commit they belong to"),
      row("strict-tenants", "false", flag([](Settings& s, bool v) { s.strict_tenants = v; }), kPipeline,
          "reject events of tenants that the configuration does not know"),
      row("retention.sessions", "400d",
          duration("1s", "36500d", [](Settings& s, Duration v) { s.session_retention = v; }), kPipeline,
          "how long a session, and what makes its duplicates known, is kept after it was last touched; as long as that "
          "also outcomes, answers to commands, settled dead letters and the evidence behind windows"),
      row("retention.events", "", duration("1s", "36500d", [](Settings& s, Duration v) { s.event_retention = v; }),
          kPipeline, "how long the event log keeps what all stages have processed; without it as long as sessions"),
      row("limits.backlog", "500000",
          count("1000", "1000000000", [](Settings& s, std::uint64_t v) { s.backlog_max = v; }), kPipeline,
          "events that may wait for the stages before intake answers 429; above half of it a tenant does that of which "
          "more waits than an even share of that half"),
      row("limits.values", "10000", count("1", "1000000", [](Settings& s, std::uint64_t v) { s.values_max = v; }),
          kPipeline,
          "values of a dimension that are counted under their own name, per tenant and dimension set; those that come "
          "later are counted under `other`"),
      row("log.fsync", "always",
          one_of<Fsync>({{"always", Fsync::always}, {"never", Fsync::never}},
                        [](Settings& s, Fsync v) { s.log_fsync = v; }),
          kPipeline,
          "when an accepted event is durable: after fsync, or at once (a power cut then loses the last seconds)"),
      row("log.compression", "lz4",
          one_of<Compression>({{"none", Compression::none}, {"lz4", Compression::lz4}, {"zstd", Compression::zstd}},
                              [](Settings& s, Compression v) { s.log_compression = v; }),
          kPipeline, "of the log's blocks"),
      row("log.segment-bytes", "64MiB",
          size("64KiB", "4GiB", [](Settings& s, std::uint64_t v) { s.log_segment_bytes = v; }), kPipeline,
          "a file of the log is closed, and a new one begun, at this size"),
      row("kafka.brokers", "",
          text("HOST:PORT,...", [](Settings& s, std::string v) { s.kafka.brokers = std::move(v); }), {run},
          "be a member of a group on Kafka instead of keeping the logs in --data; some of its brokers"),
      row("kafka.group", "echoloop", text("NAME", [](Settings& s, std::string v) { s.kafka.group = std::move(v); }),
          {run}, "members of one group share the partitions"),
      row("kafka.prefix", "echoloop.", text("TEXT", [](Settings& s, std::string v) { s.kafka.prefix = std::move(v); }),
          {run}, "of the names of all topics"),
      row("kafka.advertise", "",
          text("http://HOST:PORT", [](Settings& s, std::string v) { s.kafka.advertise = std::move(v); }), {run},
          "where other members reach this one's API; without it where it listens, or the machine's name"),
      row("kafka.partitions", "8",
          count("1", "1024", [](Settings& s, std::uint64_t v) { s.kafka.partitions = static_cast<std::uint32_t>(v); }),
          {run}, "of topics that are made (= shards of each stage); topics that are there keep theirs"),
      row("kafka.replication", "0",
          count("0", "16", [](Settings& s, std::uint64_t v) { s.kafka.replication = static_cast<std::uint32_t>(v); }),
          {run}, "of topics that are made; 0: what the brokers have as default"),
      row("kafka.standby", "false", flag([](Settings& s, bool v) { s.kafka.standby = v; }), {run},
          "keep a copy of the shards that would come to this member if another one went away"),
      row("kafka.session-timeout", "10s",
          duration("1s", "30m", [](Settings& s, Duration v) { s.kafka.session_timeout = v; }), {run},
          "a member that was not heard of for so long loses its partitions to the others"),
      row("kafka.transaction-timeout", "60s",
          duration("1s", "15m", [](Settings& s, Duration v) { s.kafka.transaction_timeout = v; }), {run},
          "the brokers abort what a member that died had under way after that"),
      repeated(row("kafka.property", "",
                   free<std::vector<std::pair<std::string, std::string>>>(
                       "NAME=VALUE", parse_properties,
                       [](Settings& s, std::vector<std::pair<std::string, std::string>> v) {
                         s.kafka.properties = std::move(v);
                       }),
                   {run},
                   "a property of librdkafka as its CONFIGURATION.md names it, for every client: "
                   "security.protocol=SASL_SSL, sasl.username=...")),
      row("tenant", "", text("ID", [](Settings& s, std::string v) { s.tenant = std::move(v); }), {import_files},
          "the tenant that adapters see as $tenant"),
      row("tenant", "", text("ID", [](Settings& s, std::string v) { s.tenant = std::move(v); }), kReaders,
          "whose rows; without it those of all tenants"),
      row("adapter", "cloudevents",
          text("NAME|FILE.jq", [](Settings& s, std::string v) { s.import.adapter = std::move(v); }), {import_files},
          "what turns documents into events: a name in config/adapters, or a jq program"),
      row("format", "",
          one_of<ImportFormat>(
              {{"jsonl", ImportFormat::jsonl}, {"csv", ImportFormat::csv}, {"json", ImportFormat::json}},
              [](Settings& s, ImportFormat v) { s.import.format = v; }),
          {import_files}, "of the files; without it by each file's ending"),
      row("encoding", "UTF-8", text("NAME", [](Settings& s, std::string v) { s.import.encoding = std::move(v); }),
          {import_files}, "of the files, as ICU names it: UTF-8, GB18030, windows-1252"),
      row("rejects", "", text("FILE", [](Settings& s, std::string v) { s.import.rejects = v; }), {import_files},
          "write each rejected document there, with its position and the reason"),
      row("adapter", "", text("NAME", [](Settings& s, std::string v) { s.dead.adapter = std::move(v); }), {dead},
          "letters of that adapter only; cloudevents: those that came as events"),
      row("reason", "", text("TEXT", [](Settings& s, std::string v) { s.dead.reason = std::move(v); }), {dead},
          "letters with that reason only: a group's, or one as it stands in a letter"),
      row("before", "", free<Time>("DATE|TIME", parse_moment, [](Settings& s, Time v) { s.dead.before = v; }), {dead},
          "letters received before that only; RFC 3339, or a date in UTC"),
      row("group", "false", flag([](Settings& s, bool v) { s.dead.group = v; }), {dead},
          "of dead list: a line for each reason, adapter and tenant, with counts"),
      row("endpoint", "", text("ID", [](Settings& s, std::string v) { s.deliveries.endpoint = std::move(v); }),
          {deliveries}, "of the list: what was told to that one only"),
      row("outcome", "",
          one_of<std::string>({{"delivered", "delivered"},
                               {"throttled", "throttled"},
                               {"later", "later"},
                               {"refused", "refused"},
                               {"gone", "gone"},
                               {"failed", "failed"}},
                              [](Settings& s, std::string v) { s.deliveries.outcome = std::move(v); }),
          {deliveries}, "of the list: attempts that ended so only; failed: given up"),
      row("task", "", text("ID", [](Settings& s, std::string v) { s.deliveries.task = std::move(v); }), {deliveries},
          "of the list: what was told of that task only"),
      row("format", "ndjson",
          one_of<ExportFormat>({{"ndjson", ExportFormat::ndjson}, {"csv", ExportFormat::csv}},
                               [](Settings& s, ExportFormat v) { s.exporting.format = v; }),
          {export_rows}, "of the rows; aggregates are always ndjson"),
      row("metric", "", text("NAME,...", [](Settings& s, std::string v) { s.exporting.metrics = std::move(v); }),
          {export_rows},
          "of export metrics: which; without it all of the dictionary, those that are credited to handlers only when "
          "grouped by agent, group or department"),
      row("group-by", "", text("NAME,...", [](Settings& s, std::string v) { s.exporting.group_by = std::move(v); }),
          kMetrics, "of metrics: dimensions, a row for each combination of their values"),
      row("interval", "all",
          one_of<std::string>({{"hour", "hour"}, {"day", "day"}, {"week", "week"}, {"month", "month"}, {"all", "all"}},
                              [](Settings& s, std::string v) { s.exporting.interval = std::move(v); }),
          kMetrics, "of metrics: a row for each"),
      row("from", "", text("DATE|TIME", [](Settings& s, std::string v) { s.exporting.from = std::move(v); }), kSpans,
          "of metrics and rules on trial: not before; RFC 3339, or a date in the tenant's zone"),
      row("to", "", text("DATE|TIME", [](Settings& s, std::string v) { s.exporting.to = std::move(v); }), kSpans,
          "of metrics and rules on trial: before that"),
      row("rules", "", text("FILE", [](Settings& s, std::string v) { s.trying_rules = v; }), {try_rules},
          "a rules.yaml in the place of the configured one"),
      repeated(row("filter", "",
                   text("NAME=VALUE", [](Settings& s, std::string v) { s.explaining.filters = std::move(v); }),
                   {explain}, "of metrics: sessions with that value of a dimension only; several filters all hold")),
      row("source", "", text("URI", [](Settings& s, std::string v) { s.explaining.source = std::move(v); }), {explain},
          "of an event: events of that source only"),
      row("session", "", text("ID", [](Settings& s, std::string v) { s.explaining.session = std::move(v); }), {explain},
          "of an event: the session that it belongs to, which spares the search of the log"),
      row("seed", "1", count("0", "18446744073709551615", [](Settings& s, std::uint64_t v) { s.sample.seed = v; }),
          {sample}, "another seed, another sample; the same seed, the same bytes"),
      row("sessions", "30000", count("1", "100000000", [](Settings& s, std::uint64_t v) { s.sample.sessions = v; }),
          {sample}, "how many sessions"),
      row("from", "2026-03-01",
          free<std::int64_t>("DATE", parse_date, [](Settings& s, std::int64_t v) { s.sample.from_day = v; }), {sample},
          "the sample's first day"),
      row("days", "30",
          count("1", "3660", [](Settings& s, std::uint64_t v) { s.sample.days = static_cast<std::uint32_t>(v); }),
          {sample}, "over how many days"),
  };
}

// "run, import, check".
std::string names_of(const Commands& taken) {
  std::string names;
  for (const CommandFact& fact : commands()) {
    if (taken.has(fact.command)) names += (names.empty() ? "" : ", ") + std::string(fact.name);
  }
  return names;
}

// A Markdown table cell: bars would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}
std::string code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", cell(text)); }

std::string described(const Option& option) {
  std::string help = option.help;
  if (!option.bounds.empty()) help += fmt::format(" ({})", option.bounds);
  if (!option.fallback.empty()) help += fmt::format(" [{}]", option.fallback);
  return help;
}

}  // namespace

std::string Option::variable() const {
  std::string out = "ECHOLOOP_";
  for (char c : name)
    out += c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::span<const Option> options() {
  static const std::vector<Option> table = make_table();
  return table;
}

Settings default_settings() {
  Settings settings;
  for (const Option& option : options()) {
    if (option.fallback.empty()) continue;
    [[maybe_unused]] auto taken = option.take(settings, option.fallback);
    assert(taken);
  }
  return settings;
}

void add_options(boost::program_options::options_description& description, Command command) {
  namespace po = boost::program_options;
  for (const Option& option : options()) {
    if (!option.commands.has(command)) continue;
    auto* value = po::value<std::string>();
    value->value_name(option.kind.empty() ? "[=true|false]" : option.kind);
    description.add_options()(option.name.c_str(), value, described(option).c_str());
  }
}

std::string help_of(Command command) {
  const CommandFact& fact = fact_of(command);
  boost::program_options::options_description description("Options", 120, 60);
  description.add_options()("help,h", "this text")  //
      ("config", boost::program_options::value<std::string>()->value_name("FILE"), "INI file of options");
  add_options(description, command);
  std::ostringstream out;
  out << "usage: echoloop " << fact.name << (fact.arguments.empty() ? "" : " ") << fact.arguments << " [options]\n"
      << fact.summary << "\n\n"
      << description
      << "\nEach option may also come from the environment (--log.fsync as ECHOLOOP_LOG_FSYNC) or from the INI file.\n";
  return out.str();
}

std::string options_markdown() {
  std::string out =
      "# Options\n\n"
      "Written by `echoloop options`. An option is given on the command line (`--log.fsync never`), in the "
      "environment\n"
      "(`ECHOLOOP_LOG_FSYNC=never`) or in the INI file that `--config FILE` (`ECHOLOOP_CONFIG`) names (`fsync = never` "
      "under `[log]`, or\n"
      "`log.fsync = never` before any section). The command line goes before the environment, that before the file, "
      "and that before the\n"
      "default. An option that echoloop does not know, or a value out of bounds, stops the program and says where it "
      "came from; the file\n"
      "and the environment may carry options of other commands. Sizes are bytes or have a unit (`64KiB`, `512MiB`, "
      "`1GiB`), durations too\n"
      "(`100ms`, `30s`, `4h`).\n\n"
      "| option | value | default | bounds | commands | meaning |\n"
      "|---|---|---|---|---|---|\n";
  for (const Option& option : options()) {
    out += fmt::format("| `--{}` | {} | {} | {} | {} | {} |\n", option.name,
                       code(option.kind.empty() ? "true|false" : option.kind), code(option.fallback),
                       cell(option.bounds), names_of(option.commands), cell(option.help));
  }
  return out;
}

}  // namespace echoloop
