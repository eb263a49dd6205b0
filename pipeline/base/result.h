// Result<T>: a value, or the Error that says what is wrong and where. The way every fallible function of echoloop
// answers; exceptions stay inside the thread and the library that throw them.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace echoloop {

// The ways to fail that callers tell apart.
enum class Fault {
  bad_input,      // what came from outside is wrong: reject it, go on
  configuration,  // what the operator wrote is wrong: exit 3
  world,          // disk, network, another process: retry or stop cleanly
  no_room,        // the world too, and the same works again once the disk has room
  away,           // the world too: a broker does not answer or took work back; the same works again when it is there
};

struct Error {
  Fault fault = Fault::bad_input;
  std::string where;   // "config/rules.yaml:12:5", "/data/score", "line 17"; empty when there is no better place
  std::string reason;  // one sentence, lower case, no full stop

  std::string text() const { return where.empty() ? reason : where + ": " + reason; }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> bad_input(std::string where, std::string reason) {
  return tl::make_unexpected(Error{Fault::bad_input, std::move(where), std::move(reason)});
}
inline tl::unexpected<Error> bad_configuration(std::string where, std::string reason) {
  return tl::make_unexpected(Error{Fault::configuration, std::move(where), std::move(reason)});
}
inline tl::unexpected<Error> broken_world(std::string where, std::string reason) {
  return tl::make_unexpected(Error{Fault::world, std::move(where), std::move(reason)});
}

}  // namespace echoloop
