// An import into a running server: NDJSON batches, gzip, to POST /api/v1/events; documents that never became events to
// POST /api/v1/dead. Waits as long as the server asks it to (429 and 503 with Retry-After); tries again when the
// network fails, which is harmless as duplicates are found by source and id.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/time.h"
#include "pipeline/intake/import.h"

namespace echoloop {

struct HttpSinkOptions {
  std::string url;                     // "http://127.0.0.1:8080", without the path
  std::string tenant;                  // of the adapter; kept with what it rejects
  std::vector<std::string> headers;    // more header lines, "Authorization: Bearer …"
  std::size_t batch_bytes = 4u << 20;  // of NDJSON before gzip; below the server's 16 MiB
  std::size_t batch_events = 10'000;
  int tries_max = 8;  // in a row without an answer, 0.25 s to 8 s apart: half a minute, the time of a restart
  // How to wait; answers false to give up. Empty: sleeps.
  std::function<bool(Duration)> wait;
  // settle(): how the server is asked. Empty: nothing is awaited and no duplicates are known.
  std::function<Result<std::int64_t>()> settled;
};

// Error (configuration): no URL that curl understands.
Result<std::unique_ptr<ImportSink>> open_http_sink(HttpSinkOptions options);

}  // namespace echoloop
