// The rules that hold for every request, apart from sockets: who answers it, whether it may come in, and the bytes of
// its answer. Pure but for the handler; safe from any thread.
#pragma once

#include <optional>
#include <string>

#include "pipeline/http/gzip.h"
#include "pipeline/http/message.h"
#include "pipeline/http/router.h"

namespace echoloop::http {

// What the request line says beside the Request.
struct RequestLine {
  std::string target;      // as sent
  bool head_only = false;  // HEAD: the answer carries no body
  bool http10 = false;
  bool keep_alive = true;
  bool has_body = false;
};

// Decides by the head alone: fills path, parts, query, content type and id of `request`. Either a route, or the
// response that refuses.
struct Admission {
  const Route* route = nullptr;
  std::optional<Response> refusal;
};
Admission admit(const Router& router, const RequestLine& line, Request& request);

// The 400 for query parameters that are not among those known; none when all are.
std::optional<Response> refuse_unknown(std::vector<std::string> known, const Query& query);

// Expands a gzip body and runs the handler. What a handler throws is logged and becomes a 500.
Response answer(const Route& route, Request& request);

Response too_large(std::size_t limit_bytes);

// The answer as it goes over the wire: head, then body, or the pieces of the stream.
struct Reply {
  std::string head;
  std::string body;
  Generator stream;                // with chunks unless http10, where the end of the connection ends it
  std::optional<GzipStream> gzip;  // compresses the stream
  bool close = false;
};
Reply finish(const Request& request, const RequestLine& line, Response response, bool close);

// A fresh X-Request-Id: 32 hex digits.
std::string make_request_id();

}  // namespace echoloop::http
