// The hashes echoloop lives by. All are fixed for ever: keys on disk, partitions and task ids depend on them. Pure; any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace echoloop {

// murmur2 as Kafka's Java client computes it (org.apache.kafka.common.utils.Utils.murmur2), and the partition its
// default partitioner chooses for a key: (hash & 0x7fffffff) mod partitions.
std::uint32_t murmur2(std::string_view bytes);
int partition_of(std::string_view key, int partitions);

// XXH3, 64 bits.
std::uint64_t hash64(std::string_view bytes);

// For hash maps that are asked by views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return hash64(text); }
};

// XXH3, 128 bits, as 16 big-endian bytes.
std::string hash128(std::string_view bytes);
std::array<char, 16> digest128(std::string_view bytes);  // the same

}  // namespace echoloop
