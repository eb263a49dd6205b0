// Adapters: jq programs that turn one document of another system into canonical CloudEvents. They stand in
// config/adapters/*.jq and run here as they run under `jq 1.6 -c -L config/adapters --arg tenant T`: the same outputs,
// byte for byte, in the same order.
//
// A program yields whole events or {"skip": "reason"}, nothing else. libjq 1.6 offers no way to stop a program that
// computes without yielding anything, and it ends the process where its own assertions fail (todate and strftime of a
// number beyond the calendar). So adapters run in processes of their own, which bound time and memory of each document:
// adapter_worker.h; what stands here is what such a process does. Numbers pass through doubles, as jq's do: integers
// above 2^53 lose digits, so ids belong in strings.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace echoloop {

// What one document became: an event (compact JSON, not yet validated) or the reason why there is none.
struct AdapterOutput {
  std::string event;  // empty when skipped
  std::string skip;   // empty when there is an event
  bool skipped() const { return event.empty(); }
  friend bool operator==(const AdapterOutput&, const AdapterOutput&) = default;
};

// One document is one call of a customer: nothing real comes near these, a runaway program does.
inline constexpr std::size_t kAdapterOutputs_max = 1'000;
inline constexpr std::size_t kAdapterBytes_max = 16u << 20;  // of all outputs of one document, as of one HTTP body
inline constexpr std::size_t kDocumentBytes_max = 16u << 20;

// A compiled program. Not thread-safe: one instance per thread. Compiling takes some 30 ms, most of
// it jq's own library.
class Adapter {
 public:
  // `file` is a jq program; `library` the folder that its `include "lib/event";` are looked up in. Error
  // (configuration): the file with what jq says about it.
  static Result<Adapter> open(const std::string& file, const std::string& library, const std::string& tenant);
  // The same from text; `name` stands for the file in errors.
  static Result<Adapter> compile(const std::string& program, const std::string& name, const std::string& library,
                                 const std::string& tenant);
  Adapter(Adapter&&) noexcept;
  Adapter& operator=(Adapter&&) noexcept;
  ~Adapter();

  // Error (bad input): the document is no single JSON value in UTF-8, or jq's own message, or a bound was passed; then
  // none of its outputs counts. An output that is neither an object with "type" nor {"skip": text} is an error too.
  Result<std::vector<AdapterOutput>> run(std::string_view document_json);

 private:
  struct Program;
  explicit Adapter(std::unique_ptr<Program> program);
  std::unique_ptr<Program> program_;
};

// The file of an adapter: `name_or_file` ending in .jq is that file, anything else is `name_or_file`.jq in `folder`.
// Error (configuration): there is no such adapter; the message lists those that exist.
Result<std::string> find_adapter(const std::string& name_or_file, const std::string& folder);

}  // namespace echoloop
