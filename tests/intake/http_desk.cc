#include "tests/intake/http_desk.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace echoloop {

// The adapter makes one event of each of body.sessions, one for the header X-Session, skips what says so, and fails
// where body.fail stands.
std::string Desk::folder() {
  static const std::string path = [] {
    auto made = std::filesystem::temp_directory_path() / ("echoloop-desk-" + std::to_string(::getpid()));
    std::filesystem::create_directories(made);
    std::ofstream(made / "plain.jq") << R"jq(
      def closed($id; $at): {specversion: "1.0", type: "echoloop.session.closed.v1", source: "plain", id: $id,
                             data: {tenant: $tenant, session_id: $id, closed_at: $at}};
      if .body.fail then error("planted")
      elif .body.skip then {skip: .body.skip}
      else (.body.sessions // [])[] as $s | closed($s; .body.at // "2026-03-10T08:00:00Z") end,
      (.headers["x-session"] // empty | closed(.; "2026-03-10T08:00:00Z"))
    )jq";
    return made.string();
  }();
  return path;
}

}  // namespace echoloop
