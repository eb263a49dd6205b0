// The documents of an import file, one after the other, in batches: lines of NDJSON, rows of CSV as objects, values of
// JSON. The file is never held as a whole, so its size does not matter; a batch is a few megabytes. Each document is
// looked at on its own: one that cannot be read comes with its problem and its place, and the next one follows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/intake/byte_source.h"

namespace echoloop {

enum class FileFormat {
  ndjson,  // a document a line; blank lines are skipped
  json,    // an array of documents, or values one after the other, laid out in any way
  csv,     // with a header row; each row an object of texts by header
};
// "jsonl", "ndjson", "json", "csv".
Result<FileFormat> parse_file_format(std::string_view name);
// By the ending of the name, .gz left out; "-" is NDJSON. Error (bad input): no such ending.
Result<FileFormat> file_format_of(std::string_view file);

struct Document {
  std::string_view text;              // JSON, not yet parsed; of one that is too long, its first 64 KiB
  std::int64_t line = 0;              // where it begins, from 1
  std::optional<std::int64_t> index;  // in the array or sequence of a .json file, from 0
  std::string problem;                // why it cannot be a document; empty when it may be one
};

// A batch owns its documents' text; documents stay valid until clear() or its end.
class DocumentBatch {
 public:
  const std::vector<Document>& documents() const { return documents_; }
  void clear() {
    documents_.clear();
    places_.clear();
    bytes_.clear();
  }

 private:
  friend class DocumentReader;
  struct Place {
    std::size_t begin = 0, size = 0;
  };
  std::vector<Document> documents_;
  std::vector<Place> places_;  // of the texts in bytes_, while it grows
  std::string bytes_;
};

// Not thread-safe, save for the progress.
class DocumentReader {
 public:
  static Result<std::unique_ptr<DocumentReader>> open(const std::string& file, FileFormat format,
                                                      const std::string& encoding, ReadProgress& progress);
  virtual ~DocumentReader() = default;
  // Puts the next documents into `batch`, which it clears first; false when there are none left. Error: the file cannot
  // be read on (world), is damaged gzip or has an unusable CSV header (bad input). Documents before the damage have
  // been given; the error comes with the next call.
  Result<bool> next(DocumentBatch& batch);

 protected:
  explicit DocumentReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  // Takes the next bytes (none, once, at the end of the file) and adds the documents that they complete.
  virtual Result<void> take(std::string_view bytes, bool at_end, DocumentBatch& batch) = 0;
  static void add(DocumentBatch& batch, std::string_view text, std::int64_t line,
                  std::optional<std::int64_t> index = {}, std::string problem = {});

 private:
  std::unique_ptr<ByteSource> source_;
  std::string chunk_;
  std::optional<Error> broken_;
  bool ended_ = false;
};

}  // namespace echoloop
