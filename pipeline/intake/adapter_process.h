// The process that runs adapters for another echoloop: what `echoloop adapter-worker` does. It reads asks from its
// standard input and answers on its standard output, one socket (adapter_messages.h), until that is closed.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace echoloop {

inline constexpr std::string_view kAdapterProcessCommand = "adapter-worker";

// CPU time of one document, after which the kernel ends the process with SIGPROF. The shipped adapters need a third of
// a millisecond: only a program that does not end comes near. It is CPU time so that a busy machine fails nobody.
inline constexpr std::chrono::milliseconds kDocumentCpu_max{1'000};
// The same of compiling: some 30 ms, most of it jq's own library.
inline constexpr std::chrono::milliseconds kCompileCpu_max{10'000};
// Address space beyond what the process has at its start: a document of 16 MiB takes some 200 MiB as jq's values. Not
// under sanitizers, which need terabytes of it.
inline constexpr std::size_t kAdapterMemory_max = 512u << 20;

// Answers the exit code.
int run_adapter_process();

}  // namespace echoloop
