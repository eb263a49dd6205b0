#include "pipeline/intake/import.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "pipeline/intake/adapter_worker.h"
#include "pipeline/intake/csv.h"
#include "pipeline/intake/import_lanes.h"
#include "pipeline/text/normalise.h"

namespace echoloop {
namespace {

// jq is the slow part by far: as many as there are cores, up to what a reader can feed.
constexpr unsigned kLanes_max = 4;

std::string place_in_file(const ImportBatch& batch, const Document& document) {
  std::string place = batch.file + ":" + std::to_string(document.line);
  if (document.index) place += " (document " + std::to_string(*document.index) + ")";
  return place;
}

// The file of --rejects: one line for each document or event that was turned down.
class Rejects {
 public:
  Result<void> open(const std::string& file) {
    if (file.empty()) return {};
    file_ = file;
    out_.open(file, std::ios::binary | std::ios::trunc);
    if (!out_) return broken_world(file, std::strerror(errno));
    return {};
  }
  void write(const ImportBatch& batch, const Document& document, std::string_view event, std::string_view where,
             std::string_view reason, std::string_view adapter) {
    if (file_.empty()) return;
    line_.clear();
    field("file", batch.file);
    line_ += ",\"line\":" + std::to_string(document.line);
    if (document.index) line_ += ",\"index\":" + std::to_string(*document.index);
    if (!where.empty()) field("where", where);
    field("reason", reason);
    if (!adapter.empty()) field("adapter", adapter);
    field("document", document.text);
    if (!event.empty()) field("event", event);
    out_ << line_ << "}\n";
  }
  Result<void> close() {
    if (file_.empty()) return {};
    out_.close();
    if (!out_) return broken_world(file_, "cannot write the rejects");
    return {};
  }

 private:
  void field(std::string_view name, std::string_view text) {
    line_ += line_.empty() ? "{\"" : ",\"";
    line_.append(name).append("\":");
    append_json_string(line_, valid_utf8(text) ? std::string(text) : repair_utf8(text));
  }
  static std::string repair_utf8(std::string_view text) {
    std::string out;
    for (char c : text) {
      if (static_cast<unsigned char>(c) < 0x80) {
        out += c;
      } else {
        out += "\xEF\xBF\xBD";
      }
    }
    return out;
  }
  std::string file_;
  std::ofstream out_;
  std::string line_;
};

Result<FileFormat> format_of(const std::string& file, const ImportOptions& options) {
  return options.format ? Result<FileFormat>(*options.format) : file_format_of(file);
}

class Import {
 public:
  Import(const ImportOptions& options, ImportSink& sink, const OnProgress& on_progress)
      : options_(options), sink_(sink), on_progress_(on_progress), began_(std::chrono::steady_clock::now()) {}

  ImportOutcome run() {
    ImportOutcome outcome;
    Result<void> done = prepare();
    if (done) done = pump();
    Result<void> closed = rejects_.close();
    if (done) done = closed;
    // Also after an error: what was taken stays, so it is waited for and counted.
    if (started_) {
      Result<std::int64_t> duplicate = sink_.settle();
      if (duplicate) {
        counts_.duplicate = *duplicate;
      } else if (done) {
        done = tl::make_unexpected(duplicate.error());
      }
    }
    counts_.seconds = elapsed();
    outcome.counts = counts_;
    if (!done) outcome.stopped = done.error();
    return outcome;
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

  // Everything that can be known to be wrong before the first event is taken.
  Result<void> prepare() {
    if (auto sound = check_import(options_); !sound) return sound;
    bool sizes_known = true;
    for (const std::string& file : options_.files) {
      formats_.push_back(format_of(file, options_).value());
      struct stat about {};
      if (file == "-") {
        sizes_known = false;
      } else if (::stat(file.c_str(), &about) != 0) {
        return broken_world(file, std::strerror(errno));
      } else {
        sizes_known = sizes_known && S_ISREG(about.st_mode);
        bytes_total_ += about.st_size;
      }
    }
    if (!sizes_known) bytes_total_ = 0;
    if (!options_.adapter.empty()) {
      // By the name that a replay finds it under; a file from elsewhere by its file name.
      const std::filesystem::path file(options_.adapter);
      const bool shipped = file.parent_path() == std::filesystem::path(options_.adapter_folder);
      adapter_name_ = (shipped ? file.stem() : file.filename()).string();
      const unsigned lanes = std::clamp(std::thread::hardware_concurrency(), 1u, kLanes_max);
      for (unsigned i = 0; i < lanes; ++i) workers_.push_back(std::make_unique<AdapterWorker>());
      auto compiled = workers_.front()->run({options_.adapter, options_.adapter_folder, options_.tenant, 0}, {});
      if (!compiled) return tl::make_unexpected(compiled.error());
    }
    return rejects_.open(options_.rejects);
  }

  Result<void> pump() {
    ImportLanes lanes(options_, std::move(formats_), std::move(workers_));
    started_ = true;
    while (std::unique_ptr<ImportBatch> batch = lanes.take()) {
      if (Result<void> handed = hand_over(*batch); !handed) return handed;
      if (on_progress_) on_progress_({lanes.bytes_done(), bytes_total_, counts_.read, elapsed()});
      if (batch->broken) return tl::make_unexpected(*batch->broken);
    }
    return {};
  }

  Result<void> hand_over(const ImportBatch& batch) {
    const std::vector<Document>& documents = batch.documents.documents();
    counts_.read += static_cast<std::int64_t>(documents.size());
    counts_.skipped += batch.skipped;
    events_.clear();
    origins_.clear();
    turned_down_.clear();
    for (const ImportItem& item : batch.items) {
      const Document& document = documents[item.document];
      if (item.problem.empty()) {
        events_.push_back(item.event.empty() ? document.text : std::string_view(item.event));
        origins_.push_back(&item);
      } else {
        ++counts_.rejected;
        rejects_.write(batch, document, item.event, "", item.problem, adapter_name_);
        turned_down_.push_back({document.text, place_in_file(batch, document), item.problem, adapter_name_});
      }
    }
    if (!turned_down_.empty()) {
      if (Result<void> kept = sink_.reject(turned_down_); !kept) return kept;
    }
    if (events_.empty()) return {};
    Result<std::vector<Refusal>> refused = sink_.take(events_);
    if (!refused) return tl::make_unexpected(refused.error());
    counts_.accepted += static_cast<std::int64_t>(events_.size() - refused->size());
    counts_.rejected += static_cast<std::int64_t>(refused->size());
    return keep_refused(batch, *refused);
  }

  // The source document once, whichever of its events were refused: its adapter makes all of them again, and those that
  // were taken are duplicates then.
  Result<void> keep_refused(const ImportBatch& batch, const std::vector<Refusal>& refused) {
    turned_down_.clear();
    std::optional<std::size_t> last;
    for (const Refusal& refusal : refused) {
      const ImportItem& item = *origins_.at(refusal.index);
      const Document& document = batch.documents.documents()[item.document];
      rejects_.write(batch, document, item.event, refusal.where, refusal.reason, adapter_name_);
      if (std::exchange(last, item.document) == item.document) continue;
      std::string where = place_in_file(batch, document);
      if (!refusal.where.empty()) where += " " + refusal.where;
      turned_down_.push_back({document.text, std::move(where), refusal.reason, adapter_name_});
    }
    return turned_down_.empty() ? Result<void>{} : sink_.reject(turned_down_);
  }

  const ImportOptions& options_;
  ImportSink& sink_;
  const OnProgress& on_progress_;
  std::chrono::steady_clock::time_point began_;
  std::vector<FileFormat> formats_;
  std::vector<std::unique_ptr<AdapterWorker>> workers_;
  std::string adapter_name_;
  std::int64_t bytes_total_ = 0;
  bool started_ = false;
  Rejects rejects_;
  ImportCounts counts_;
  std::vector<std::string_view> events_;
  std::vector<const ImportItem*> origins_;
  std::vector<RejectedDocument> turned_down_;
};

}  // namespace

Result<void> check_import(const ImportOptions& options) {
  if (options.files.empty()) return bad_input("", "no file to import");
  if (auto known = check_encoding(options.encoding); !known) return known;
  for (const std::string& file : options.files) {
    std::error_code none;
    if (std::filesystem::is_directory(file, none)) return bad_input(file, "is a directory: name the files in it");
    auto format = format_of(file, options);
    if (!format) return tl::make_unexpected(format.error());
    if (*format == FileFormat::csv && options.adapter.empty())
      return bad_input(file, "CSV rows are no events: say --adapter");
  }
  return {};
}

std::string to_json(const ImportCounts& counts) {
  return fmt::format(R"({{"read":{},"accepted":{},"duplicate":{},"rejected":{},"skipped":{},"seconds":{:.3f}}})",
                     counts.read, counts.accepted, counts.duplicate, counts.rejected, counts.skipped, counts.seconds);
}

ImportOutcome run_import(const ImportOptions& options, ImportSink& sink, const OnProgress& on_progress) {
  return Import(options, sink, on_progress).run();
}

}  // namespace echoloop
