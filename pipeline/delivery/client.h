// Sends a request to an endpoint, by libcurl: HTTP and SMTP. Follows no redirection, reads no more of an answer than it
// needs, waits no longer than it should, and does not connect to addresses that are not public unless it may: the check
// stands between resolving a name and connecting, so that a name cannot lead elsewhere meanwhile. One for one thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/delivery/request.h"

struct sockaddr;

namespace echoloop::delivery {

struct Answer {
  int status = 0;  // 0: none came
  std::string body;
  std::optional<Duration> retry_after;
  std::string error;  // why none came
};

class Client {
 public:
  Client();
  ~Client();
  Answer send(const Request& request, bool private_network);
  // Ends what is being sent, and all later ones at once. Any thread.
  void give_up() { given_up_ = true; }

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;  // keeps its connection
  std::atomic<bool> given_up_{false};
};

// Whether packets to it stay out of private, local and special networks (RFC 6890).
bool is_public(const sockaddr& address);

}  // namespace echoloop::delivery
