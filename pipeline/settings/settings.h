// What a process of echoloop was told when it started: typed, within bounds, with every default filled in. Plain
// values; safe to copy and to read from any thread. The table in options.cc says which option fills which field; read.h
// reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/time.h"

namespace echoloop {

// Where a server listens. Port 0 lets the system choose.
struct Address {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const Address&, const Address&) = default;
};
std::string format_address(const Address& address);  // "127.0.0.1:8080", "[::1]:8080"

// What stage time follows.
enum class Clock { wall, event };
// When an append counts as durable: after fsync, or at once (fast, and what came last is lost with the machine's
// power).
enum class Fsync { always, never };
enum class Compression { none, lz4, zstd };
enum class LogLevel { debug, info, warning, error };
enum class ImportFormat { by_ending, jsonl, csv, json };
enum class ExportFormat { ndjson, csv };

struct Settings {
  // Where everything of a process lies, and what it is configured by. No config_dir: the project's, or the installed
  // one.
  std::filesystem::path data;
  std::optional<std::filesystem::path> config_dir;
  LogLevel log_level{};

  // The pipeline.
  Address listen;
  std::uint64_t memory_bytes = 0;  // caches and tables together
  std::uint32_t shards = 0;        // of each stage; fixed when the data folder is made
  std::uint32_t workers = 0;       // threads that run shards
  Clock clock{};
  Duration epoch_interval{};
  bool strict_tenants = false;
  Duration session_retention{};
  std::optional<Duration> event_retention;  // none: as long as sessions
  std::uint64_t backlog_max = 0;            // events that may wait for the stages
  std::uint64_t values_max = 0;             // of a dimension, per tenant and dimension set
  Fsync log_fsync{};
  Compression log_compression{};
  std::uint64_t log_segment_bytes = 0;

  // Where the logs lie, when they lie on Kafka.
  struct Kafka {
    std::string brokers;  // "host:port,host:port"; empty: they lie in the data folder
    std::string group;
    std::string prefix;             // of the names of all topics
    std::uint32_t partitions = 0;   // of topics that are made
    std::uint32_t replication = 0;  // of topics that are made; 0: the broker's default
    bool standby = false;
    Duration session_timeout{};
    Duration transaction_timeout{};
    std::string advertise;  // where other members reach this one; empty: where it listens
    std::vector<std::pair<std::string, std::string>> properties;  // for librdkafka, as they are
  } kafka;

  // Commands that work on a store, or through the server that holds it.
  std::optional<std::string> server;  // "http://host:port", no slash at the end
  std::optional<std::string> tenant;

  struct Import {
    std::string adapter;  // a name in config/adapters, or a .jq file
    ImportFormat format{};
    std::string encoding;  // as ICU names it
    std::optional<std::filesystem::path> rejects;
  } import;

  struct Export {
    ExportFormat format{};
    // Of metrics, as GET /api/v1/metrics/{name} has them, for explain too; empty: not given.
    std::string metrics, group_by, interval, from, to;
  } exporting;

  struct Explain {
    std::string filters;  // "channel=web", one a line
    std::string source, session;
  } explaining;

  std::filesystem::path trying_rules;  // a rules.yaml

  // Which dead letters; nothing: all that are open.
  struct Dead {
    std::optional<std::string> adapter, reason;
    std::optional<Time> before;
    bool group = false;
  } dead;

  // Which deliveries; nothing: all.
  struct Deliveries {
    std::optional<std::string> endpoint, outcome, task;
  } deliveries;

  struct Sample {
    std::uint64_t seed = 0;
    std::uint64_t sessions = 0;
    std::int64_t from_day = 0;  // days since 1970-01-01
    std::uint32_t days = 0;
  } sample;
};

}  // namespace echoloop
