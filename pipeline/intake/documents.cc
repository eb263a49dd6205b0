#include "pipeline/intake/documents.h"

#include <algorithm>
#include <cstring>

#include "pipeline/intake/adapter.h"
#include "pipeline/intake/csv.h"

namespace echoloop {
namespace {

constexpr std::size_t kChunkBytes = 1u << 20;
constexpr std::size_t kBatchBytes = 2u << 20;  // some thousands of events: one fsync or one request carries them all
constexpr std::size_t kKeptOfTooLong = 64u << 10;  // of a document that nobody can accept: enough to recognise it

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class NdjsonReader : public DocumentReader {
 public:
  explicit NdjsonReader(std::unique_ptr<ByteSource> source) : DocumentReader(std::move(source)) {}

 private:
  Result<void> take(std::string_view bytes, bool at_end, DocumentBatch& batch) override {
    while (!bytes.empty()) {
      std::size_t size = bytes.find('\n');
      if (size == std::string_view::npos) {
        keep(bytes);
        break;
      }
      if (begun_.empty()) {
        line(bytes.substr(0, size), batch);
      } else {
        keep(bytes.substr(0, size));
        line(begun_, batch);
        begun_.clear();
      }
      ++line_;
      bytes.remove_prefix(size + 1);
    }
    if (at_end && !begun_.empty()) line(begun_, batch);
    return {};
  }
  void keep(std::string_view bytes) {
    // One byte over the limit shows that it was passed.
    begun_.append(bytes.substr(0, std::min(bytes.size(), kDocumentBytes_max + 1 - begun_.size())));
  }
  void line(std::string_view text, DocumentBatch& batch) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (std::all_of(text.begin(), text.end(), is_space)) return;
    if (text.size() > kDocumentBytes_max) {
      add(batch, text.substr(0, kKeptOfTooLong), line_, {}, "line is longer than 16 MiB");
    } else {
      add(batch, text, line_);
    }
  }

  std::string begun_;
  std::int64_t line_ = 1;
};

class CsvDocuments : public DocumentReader {
 public:
  explicit CsvDocuments(std::unique_ptr<ByteSource> source) : DocumentReader(std::move(source)) {}

 private:
  Result<void> take(std::string_view bytes, bool at_end, DocumentBatch& batch) override {
    auto visit = [&](const CsvRow& row) { add(batch, row.json, row.line, {}, std::string(row.problem)); };
    return at_end ? csv_.end(visit) : csv_.feed(bytes, visit);
  }
  CsvReader csv_;
};

// Splits JSON without parsing it: where strings and brackets begin and end is all that it takes. What stands between is
// for the parser.
class JsonReader : public DocumentReader {
 public:
  explicit JsonReader(std::unique_ptr<ByteSource> source) : DocumentReader(std::move(source)) {}

 private:
  enum class Place {
    start,         // of the file
    value_wanted,  // in the array, after [ or a comma
    value_done,    // in the array, after a value
    sequence,      // between values that stand one after the other
    after_array,
    scalar,    // in a number or a word
    compound,  // in an object or array
    text,      // in a string
    escape,    // after a backslash in it
  };

  Result<void> take(std::string_view bytes, bool at_end, DocumentBatch& batch) override {
    for (char c : bytes) {
      step(c, batch);
      if (c == '\n') ++line_;
    }
    if (at_end) finish(batch);
    return {};
  }

  void step(char c, DocumentBatch& batch) {
    switch (place_) {
      case Place::escape:
        put(c);
        place_ = Place::text;
        return;
      case Place::text:
        put(c);
        if (c == '\\') {
          place_ = Place::escape;
        } else if (c == '"') {
          if (depth_ > 0) {
            place_ = Place::compound;
          } else {
            close(batch);
          }
        }
        return;
      case Place::compound:
        put(c);
        if (c == '"') {
          place_ = Place::text;
        } else if (c == '{' || c == '[') {
          ++depth_;
        } else if ((c == '}' || c == ']') && --depth_ == 0) {
          close(batch);
        }
        return;
      case Place::scalar:
        if (is_space(c)) {
          close(batch);
        } else if (in_array_ && (c == ',' || c == ']')) {
          close(batch);
          step(c, batch);
        } else if (c == '{' || c == '[' || c == '"') {
          close(batch);
          step(c, batch);
        } else {
          put(c);
        }
        return;
      case Place::start:
        if (is_space(c)) return;
        if (c == '[') {
          in_array_ = true;
          place_ = Place::value_wanted;
        } else {
          begin(c);
        }
        return;
      case Place::sequence:
        if (!is_space(c)) begin(c);
        return;
      case Place::value_wanted:
        if (is_space(c)) return;
        if (c == ']') {
          if (index_ > 0) add(batch, "", line_, index_, "comma without a value after it");
          place_ = Place::after_array;
        } else if (c == ',') {
          add(batch, "", line_, index_, "comma without a value before it");
        } else {
          begin(c);
        }
        return;
      case Place::value_done:
        if (is_space(c)) return;
        if (c == ',') {
          place_ = Place::value_wanted;
        } else if (c == ']') {
          place_ = Place::after_array;
        } else {
          problem_ = "no comma before this value";
          begin(c);
        }
        return;
      case Place::after_array:
        if (!is_space(c) && !said_after_) {
          said_after_ = true;
          add(batch, std::string_view(&c, 1), line_, index_, "text after the end of the array");
        }
        return;
    }
  }

  void begin(char c) {
    begin_line_ = line_;
    value_.clear();
    depth_ = 0;
    put(c);
    if (c == '{' || c == '[') {
      depth_ = 1;
      place_ = Place::compound;
    } else {
      place_ = c == '"' ? Place::text : Place::scalar;
    }
  }
  void put(char c) {
    if (value_.size() <= kDocumentBytes_max) value_ += c;
  }
  void close(DocumentBatch& batch) {
    std::string_view text = value_;
    if (text.size() > kDocumentBytes_max) {
      text = text.substr(0, kKeptOfTooLong);
      problem_ = "document is longer than 16 MiB";
    }
    add(batch, text, begin_line_, index_++, std::exchange(problem_, {}));
    place_ = in_array_ ? Place::value_done : Place::sequence;
  }
  void finish(DocumentBatch& batch) {
    if (place_ == Place::scalar && !in_array_) {
      close(batch);
    } else if (place_ == Place::compound || place_ == Place::text || place_ == Place::escape ||
               place_ == Place::scalar) {
      problem_ = "file ends in the middle of this document";
      close(batch);
    } else if (place_ == Place::value_wanted || place_ == Place::value_done) {
      add(batch, "", line_, index_, "file ends before the array does");
    }
  }

  Place place_ = Place::start;
  bool in_array_ = false;
  bool said_after_ = false;
  std::int64_t line_ = 1;
  std::int64_t begin_line_ = 1;
  std::int64_t index_ = 0;
  std::int64_t depth_ = 0;
  std::string value_;
  std::string problem_;
};

}  // namespace

Result<FileFormat> parse_file_format(std::string_view name) {
  if (name == "jsonl" || name == "ndjson") return FileFormat::ndjson;
  if (name == "json") return FileFormat::json;
  if (name == "csv") return FileFormat::csv;
  return bad_configuration("--format", "unknown format '" + std::string(name) + "': jsonl, csv or json");
}

Result<FileFormat> file_format_of(std::string_view file) {
  if (file == "-") return FileFormat::ndjson;
  std::string_view name = file;
  if (name.ends_with(".gz")) name.remove_suffix(3);
  std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && name.find('/', dot) == std::string_view::npos) {
    std::string ending(name.substr(dot + 1));
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (Result<FileFormat> format = parse_file_format(ending)) return format;
  }
  return bad_input(std::string(file), "cannot tell the format from the name: say --format jsonl, csv or json");
}

Result<std::unique_ptr<DocumentReader>> DocumentReader::open(const std::string& file, FileFormat format,
                                                             const std::string& encoding, ReadProgress& progress) {
  Result<std::unique_ptr<ByteSource>> source = open_bytes(file, encoding, progress);
  if (!source) return tl::make_unexpected(source.error());
  switch (format) {
    case FileFormat::json:
      return std::make_unique<JsonReader>(std::move(*source));
    case FileFormat::csv:
      return std::make_unique<CsvDocuments>(std::move(*source));
    case FileFormat::ndjson:
      break;
  }
  return std::make_unique<NdjsonReader>(std::move(*source));
}

void DocumentReader::add(DocumentBatch& batch, std::string_view text, std::int64_t line,
                         std::optional<std::int64_t> index, std::string problem) {
  batch.places_.push_back({batch.bytes_.size(), text.size()});
  batch.bytes_.append(text);
  batch.documents_.push_back({{}, line, index, std::move(problem)});
}

Result<bool> DocumentReader::next(DocumentBatch& batch) {
  batch.clear();
  if (broken_) return tl::make_unexpected(*broken_);
  chunk_.resize(kChunkBytes);
  while (batch.bytes_.size() < kBatchBytes && !ended_ && !broken_) {
    Result<std::size_t> got = source_->read(chunk_);
    Result<void> taken;
    if (!got) {
      broken_ = got.error();
    } else {
      ended_ = *got == 0;
      taken = take(std::string_view(chunk_).substr(0, *got), ended_, batch);
    }
    if (!taken) broken_ = taken.error();
  }
  if (batch.documents_.empty() && broken_) return tl::make_unexpected(*broken_);
  for (std::size_t i = 0; i < batch.documents_.size(); ++i) {
    batch.documents_[i].text = std::string_view(batch.bytes_).substr(batch.places_[i].begin, batch.places_[i].size);
  }
  return !batch.documents_.empty();
}

}  // namespace echoloop
