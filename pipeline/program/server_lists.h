// Answers of a running server as JSON, and lists that it answers a page at a time. Blocking; one thread each.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/program/server_client.h"

namespace echoloop::program {

// A line on standard output.
void print(const nlohmann::ordered_json& line);

// The JSON of an answer. Error: what the server refuses, in its words.
Result<nlohmann::ordered_json> ask_json(const std::string& server, const std::string& method, const std::string& path);

// Every page of an answer with a next_cursor. `question`: a path with a query.
Result<void> each_page(const std::string& server, const std::string& method, const std::string& question,
                       const std::function<void(nlohmann::ordered_json page)>& visit);

}  // namespace echoloop::program
