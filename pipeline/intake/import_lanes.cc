#include "pipeline/intake/import_lanes.h"

#include <fmt/format.h>

#include <utility>

#include "schemas/codec.h"

namespace echoloop {

ImportLanes::ImportLanes(const ImportOptions& options, std::vector<FileFormat> formats,
                         std::vector<std::unique_ptr<AdapterWorker>> workers)
    : options_(options), formats_(std::move(formats)), workers_(std::move(workers)), progress_(options.files.size()) {
  if (workers_.empty()) {
    threads_.emplace_back([this] { run(nullptr); });
  } else {
    for (const auto& worker : workers_) threads_.emplace_back([this, &worker] { run(worker.get()); });
  }
}

ImportLanes::~ImportLanes() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::int64_t ImportLanes::bytes_done() const {
  std::int64_t done = 0;
  for (const ReadProgress& file : progress_) done += file.done;
  return done;
}

std::unique_ptr<ImportBatch> ImportLanes::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_.contains(taken_) || count_ == taken_; });
  auto found = ready_.find(taken_);
  if (found == ready_.end()) return nullptr;
  std::unique_ptr<ImportBatch> batch = std::move(found->second);
  ready_.erase(found);
  ++taken_;
  changed_.notify_all();
  return batch;
}

void ImportLanes::run(AdapterWorker* worker) {
  while (true) {
    std::int64_t number = 0;
    std::unique_ptr<ImportBatch> batch;
    {
      std::lock_guard reading(read_mutex_);
      if (exhausted_) return;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stop_ || read_ < taken_ + kAhead_max; });
        if (stop_) return;
      }
      batch = read();
      if (batch) number = read_++;
      exhausted_ = !batch || batch->broken;
      if (exhausted_) {
        std::lock_guard lock(mutex_);
        count_ = read_;
        changed_.notify_all();
      }
    }
    if (!batch) return;
    adapt(*batch, worker);
    std::lock_guard lock(mutex_);
    ready_[number] = std::move(batch);
    changed_.notify_all();
  }
}

std::unique_ptr<ImportBatch> ImportLanes::read() {
  auto batch = std::make_unique<ImportBatch>();
  for (; file_ < options_.files.size(); ++file_, reader_.reset()) {
    batch->file = options_.files[file_];
    if (!reader_) {
      auto opened = DocumentReader::open(batch->file, formats_[file_], options_.encoding, progress_[file_]);
      if (!opened) {
        batch->broken = opened.error();
        return batch;
      }
      reader_ = std::move(*opened);
    }
    Result<bool> more = reader_->next(batch->documents);
    if (!more) {
      batch->broken = more.error();
      // "line 1" of which file?
      if (batch->broken->where != batch->file) batch->broken->where = batch->file + ": " + batch->broken->where;
      return batch;
    }
    if (*more) return batch;
  }
  return nullptr;
}

void ImportLanes::adapt(ImportBatch& batch, AdapterWorker* worker) const {
  const std::vector<Document>& documents = batch.documents.documents();
  std::vector<AdapterResult> answers;
  if (worker != nullptr) {
    std::vector<std::string_view> texts;
    for (const Document& document : documents) {
      if (document.problem.empty()) texts.push_back(document.text);
    }
    auto run = worker->run({options_.adapter, options_.adapter_folder, options_.tenant, 0}, texts);
    if (!run) {
      batch.broken = run.error();
      batch.documents.clear();
      return;
    }
    answers = std::move(*run);
  }
  batch.items.reserve(documents.size());
  EventDecoder decoder;
  for (std::size_t i = 0, answered = 0; i < documents.size(); ++i) {
    const Document& document = documents[i];
    if (!document.problem.empty() || worker == nullptr) {
      batch.items.push_back({i, {}, document.problem});
      continue;
    }
    AdapterResult& outputs = answers[answered++];
    if (!outputs) {
      batch.items.push_back({i, {}, outputs.error().reason});
      continue;
    }
    std::optional<ImportItem> faulty;
    for (std::size_t k = 0; k < outputs->size(); ++k) {
      AdapterOutput& output = (*outputs)[k];
      if (output.skipped()) {
        ++batch.skipped;
        continue;
      }
      // What an adapter makes wrongly is the fault of its document, which is kept for the day when the adapter is
      // mended.
      if (Result<Event> event = decoder.decode(output.event); !event) {
        if (faulty) continue;
        std::string which = outputs->size() > 1 ? fmt::format("event {} of {}: ", k + 1, outputs->size()) : "";
        faulty = ImportItem{i, std::move(output.event), which + event.error().text()};
        continue;
      }
      batch.items.push_back({i, std::move(output.event), {}});
    }
    if (faulty) batch.items.push_back(std::move(*faulty));
  }
}

}  // namespace echoloop
