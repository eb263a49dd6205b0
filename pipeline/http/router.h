// Which handler answers which request, and what each accepts. Filled before the server starts, constant afterwards;
// then safe from any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/http/message.h"

namespace echoloop::http {

inline constexpr std::size_t kBodyMax_bytes = 16u << 20;

enum class RunOn {
  workers,    // may block on the disk
  peers,      // asked by other servers, on threads that no handler of `workers` occupies while it waits for an answer
  io_thread,  // must answer at once: still answers when every worker is busy (/livez)
};

// One operation of the API, as schemas/openapi.yaml describes it.
struct Operation {
  std::string method;                     // "GET" (answers HEAD too), "POST", …
  std::string path;                       // "/api/v1/tasks/{id}": a placeholder is one whole segment
  std::vector<std::string> parameters{};  // query parameters it knows; any other is a 400
  std::vector<std::string> lists{};       // those of them that may stand several times; another that does is a 400
  std::vector<std::string> body_types{};  // media types of its body, "*/*" for any; empty: it reads no body
  std::size_t body_max = kBodyMax_bytes;  // before and after gzip
  RunOn run_on = RunOn::workers;
  bool more_parameters = false;  // only the handler knows all its query parameters, and refuses others
};

using Handler = std::function<Response(const Request&)>;

struct Route {
  Operation operation;
  Handler handler;
  std::vector<std::string> segments;  // of operation.path
};

class Router {
 public:
  // Each (method, path) once; more literal segments win over placeholders, from the left.
  void add(Operation operation, Handler handler);

  struct Found {
    const Route* route = nullptr;      // null: no such path, or no such method there
    std::vector<std::string> allowed;  // methods of that path, HEAD and OPTIONS included; empty: no such path
    std::map<std::string, std::string, std::less<>> parts{};  // of the placeholders
    bool malformed = false;                                   // bad percent-encoding
  };
  // `path` as sent, without the query. HEAD finds GET's route.
  Found find(std::string_view method, std::string_view path) const;

  std::vector<Operation> operations() const;  // in the order of routes

 private:
  std::vector<Route> routes_;  // sorted so that the first match is the best
};

}  // namespace echoloop::http
