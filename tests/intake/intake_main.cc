// The tests, or, as in echoloop itself, the process that runs adapters for them.
#include <gmock/gmock.h>

#include "pipeline/intake/adapter_process.h"

int main(int argc, char** argv) {
  if (argc == 2 && argv[1] == echoloop::kAdapterProcessCommand) return echoloop::run_adapter_process();
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
