// The commands of the program, a file each. Each answers its exit code: 0 good, 1 failed, 3 wrong configuration; what
// went wrong stands on stderr.
#pragma once

#include "pipeline/settings/read.h"

namespace echoloop::program {

int run(const Invocation& invocation);
int import_files(const Invocation& invocation);
int check(const Invocation& invocation);
int export_rows(const Invocation& invocation);
int sample(const Invocation& invocation);
int dead(const Invocation& invocation);
int deliveries(const Invocation& invocation);
int try_rules(const Invocation& invocation);
int explain(const Invocation& invocation);
int verify_store(const Invocation& invocation);

// Prints the error and gives its exit code.
int failed(const Error& error);

}  // namespace echoloop::program
