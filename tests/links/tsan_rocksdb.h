// RocksDB's library is not built with ThreadSanitizer, which therefore does not see what its atomics order. Include
// this in one file of each test program that runs under it and opens a store: reports that pass through RocksDB are
// left out, all others stand.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:rocksdb::\n"; }
#endif
