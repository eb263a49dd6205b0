// The part of an import that runs ahead: lanes, threads that read batches one after the other and adapt them side by
// side, and give them out in the order of the files. Used by import.cc only. take() belongs to one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/intake/adapter_worker.h"
#include "pipeline/intake/documents.h"
#include "pipeline/intake/import.h"

namespace echoloop {

// An event, or why there is none, of one document.
struct ImportItem {
  std::size_t document = 0;  // in the batch
  std::string event;         // what the adapter made; empty: the document itself is the event
  std::string problem;       // why the document is rejected, perhaps for this event; empty when there is a valid event
};

// One batch of documents with what became of them.
struct ImportBatch {
  std::string file;
  DocumentBatch documents;
  std::vector<ImportItem> items;
  std::int64_t skipped = 0;
  std::optional<Error> broken;  // reading ended here
};

class ImportLanes {
 public:
  // `workers`: one for each lane; none: a single lane, documents are events.
  ImportLanes(const ImportOptions& options, std::vector<FileFormat> formats,
              std::vector<std::unique_ptr<AdapterWorker>> workers);
  ~ImportLanes();  // stops and joins the lanes
  // The next batch in order; null after the last one.
  std::unique_ptr<ImportBatch> take();
  std::int64_t bytes_done() const;

 private:
  void run(AdapterWorker* worker);
  std::unique_ptr<ImportBatch> read();
  void adapt(ImportBatch& batch, AdapterWorker* worker) const;

  static constexpr std::int64_t kAhead_max =
      4;  // batches read and not yet taken: enough to keep the lanes busy, a few MB each

  const ImportOptions& options_;
  std::vector<FileFormat> formats_;
  std::vector<std::unique_ptr<AdapterWorker>> workers_;

  std::mutex read_mutex_;  // guards what reading needs, down to the blank line; taken before mutex_
  std::size_t file_ = 0;
  std::unique_ptr<DocumentReader> reader_;
  std::int64_t read_ = 0;  // batches
  bool exhausted_ = false;

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::map<std::int64_t, std::unique_ptr<ImportBatch>> ready_;
  std::int64_t taken_ = 0;
  std::optional<std::int64_t> count_;  // of all batches, once known
  bool stop_ = false;

  std::deque<ReadProgress> progress_;  // one for each file; addresses stay
  std::vector<std::thread> threads_;
};

}  // namespace echoloop
