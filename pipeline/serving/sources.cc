#include "pipeline/serving/sources.h"

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"

namespace echoloop::serving {

int Sources::shard_of(std::string_view key) const { return partition_of(key, shards); }

std::int64_t Sources::counter(std::string_view name) const {
  std::int64_t sum = 0;
  for (int shard = 0; shard < shards; ++shard) {
    auto row = rows->get(stage::Table::counters, shard, name);
    if (row && *row) sum += Reader{**row}.signed_varint();
  }
  return sum;
}

}  // namespace echoloop::serving
