// The import of files: reads documents, lets an adapter turn them into events, hands these in order to a sink, and
// counts what became of each. Reading, unpacking and the adapter run on threads of their own, a bounded distance ahead
// of the sink.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/intake/documents.h"

namespace echoloop {

// An event that was refused, by its place in the batch.
struct Refusal {
  std::size_t index = 0;
  std::string where;  // JSON pointer or byte
  std::string reason;
};

// A document that could not become an event.
struct RejectedDocument {
  std::string_view document;  // as it was read
  std::string where;          // "reviews.csv:17", and where in it
  std::string reason;
  std::string adapter;  // its name, of one from elsewhere its file name; empty without one
};

// Where an import goes: through the door into the log (main wires it to pipeline/intake/door.h) or over HTTP to a
// running server (import_http.h). Called by one thread.
class ImportSink {
 public:
  virtual ~ImportSink() = default;
  // Takes events, whole CloudEvents as JSON, in this order; returns when all are durable, however long the other side
  // makes it wait. Those that are not valid are refused, and not kept: the importer knows the document that each was
  // made of. Error (world): the sink is broken, nothing more can be imported.
  virtual Result<std::vector<Refusal>> take(std::span<const std::string_view> events) = 0;
  // Keeps documents that did not become events, for replay.
  virtual Result<void> reject(std::span<const RejectedDocument> documents) = 0;
  // After the last call of the others: waits until everything taken has been applied, and answers how many of the
  // events were duplicates.
  virtual Result<std::int64_t> settle() = 0;
};

struct ImportOptions {
  std::vector<std::string> files;  // "-" is standard input
  std::string adapter;         // a jq file (see find_adapter); empty: documents are events already, and jq is left out
  std::string adapter_folder;  // where its includes are looked up
  std::string tenant;          // $tenant of the adapter
  std::optional<FileFormat> format;  // by each file's ending when absent
  std::string encoding = "utf-8";
  std::string rejects;  // file to write what was rejected to, NDJSON; empty: none
};

struct ImportCounts {
  std::int64_t read = 0;       // documents
  std::int64_t accepted = 0;   // events taken, duplicates among them
  std::int64_t duplicate = 0;  // of those, known before by source and id
  std::int64_t rejected = 0;   // documents that became no event, and events refused
  std::int64_t skipped = 0;    // documents or parts of them that the adapter left out on purpose
  double seconds = 0;
  friend bool operator==(const ImportCounts&, const ImportCounts&) = default;
};
// {"read":…,"accepted":…,"duplicate":…,"rejected":…,"skipped":…,"seconds":…}
std::string to_json(const ImportCounts& counts);

struct ImportProgress {
  std::int64_t bytes_done = 0, bytes_total = 0;  // of the files as they lie on disk; total 0 when not known
  std::int64_t rows = 0;
  double seconds = 0;
};
using OnProgress = std::function<void(const ImportProgress&)>;

struct ImportOutcome {
  ImportCounts counts;           // true also when it stopped early
  std::optional<Error> stopped;  // why not everything could be read or taken
};

// Whether these options make sense, whatever the files hold. Error (bad input): no file, a directory, an encoding that
// nobody knows, a format that cannot be told, CSV without an adapter.
Result<void> check_import(const ImportOptions& options);

// Checks the options and every file's existence first, then imports. on_progress may be empty; it is called after each
// batch, by the calling thread.
ImportOutcome run_import(const ImportOptions& options, ImportSink& sink, const OnProgress& on_progress);

}  // namespace echoloop
