#include "pipeline/intake/http_openapi.h"

#include <yaml-cpp/yaml.h>

#include <cassert>
#include <nlohmann/json.hpp>
#include <span>

#include "pipeline/base/embedded.h"

namespace echoloop {

extern const std::span<const Embedded> kOpenApi;  // schemas/CMakeLists.txt

namespace {

using Json = nlohmann::ordered_json;

// YAML's core schema: a plain scalar may be null, a boolean or a number; a quoted one is text.
Json scalar(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!") return text;
  if (text.empty() || text == "null" || text == "~") return nullptr;
  if (text == "true" || text == "false") return text == "true";
  bool number = text.find_first_not_of("0123456789.-") == std::string::npos;
  auto parsed = number ? Json::parse(text, nullptr, false) : Json(Json::value_t::discarded);
  return parsed.is_number() ? parsed : Json(text);
}

Json convert(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Sequence: {
      auto out = Json::array();
      for (const auto& item : node) out.push_back(convert(item));
      return out;
    }
    case YAML::NodeType::Map: {
      auto out = Json::object();
      for (const auto& entry : node) out[entry.first.Scalar()] = convert(entry.second);
      return out;
    }
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      break;
  }
  return nullptr;
}

}  // namespace

std::string openapi_json() {
  auto text = find_embedded(kOpenApi, "openapi.yaml");
  assert(text);
  return convert(YAML::Load(std::string(*text))).dump();
}

void add_openapi_route(http::Router& router) {
  router.add({.method = "GET", .path = "/openapi.json"}, [text = openapi_json()](const http::Request&) {
    auto response = http::json(200, text);
    response.headers.add("ETag", http::etag_of(text));
    return response;
  });
}

}  // namespace echoloop
