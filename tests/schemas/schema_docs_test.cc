// docs/events.md says what the schemas and the codec say.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "schemas/codec.h"

namespace echoloop {
namespace {

using Json = nlohmann::ordered_json;

const char* const kPage = ECHOLOOP_SOURCE_DIR "/docs/events.md";

Json schema(std::string_view type) { return Json::parse(event_schema(type)); }

bool is_required(const Json& object, const std::string& name) {
  const Json required = object.value("required", Json::array());
  return std::find(required.begin(), required.end(), name) != required.end();
}

// "label" for {"$ref": "#/definitions/label"}, "a, b" for enums, the type for the rest.
std::string kind_of(const Json& field) {
  if (field.contains("$ref")) {
    std::string name = field["$ref"];
    name = name.substr(name.rfind('/') + 1);
    return name.starts_with("optional_") ? name.substr(9) : name;
  }
  if (field.contains("const")) return "`" + field["const"].get<std::string>() + "`";
  std::string out;
  if (field.contains("enum")) {
    for (const Json& one : field["enum"]) {
      if (!one.is_null()) out += (out.empty() ? "" : ", ") + one.get<std::string>();
    }
    return out;
  }
  for (const Json& one : field["type"].is_array() ? field["type"] : Json::array({field["type"]})) {
    if (one != "null") out += (out.empty() ? "" : " or ") + one.get<std::string>();
  }
  return out == "array" ? "list" : out;
}

void rows_of(const Json& object, const std::string& prefix, std::string& out) {
  for (const auto& [name, field] : object["properties"].items()) {
    std::string shown = "`" + prefix + name + "`";
    if (is_required(object, name)) shown = "**" + shown + "**";
    out += "| " + shown + " | " + kind_of(field) + " | " + field.value("description", "") + " |\n";
    if (field.contains("properties")) rows_of(field, prefix + name + ".", out);
    if (field.contains("items") && field["items"].contains("properties"))
      rows_of(field["items"], prefix + name + "[].", out);
  }
}

constexpr std::string_view kFieldHead = "| field | kind | meaning |\n|---|---|---|\n";

std::string envelope_table() {
  Json text = schema(kEventTypes[0]);
  // type and data differ from type to type
  text["properties"]["type"] = {{"type", "string"}, {"description", "One of the types below."}};
  text["properties"]["data"] = {{"type", "object"}, {"description", "By type."}};
  std::string out(kFieldHead);
  rows_of(text, "", out);
  return out;
}

std::string types_tables() {
  std::string out;
  for (Text type : kEventTypes) {
    Json text = schema(type);
    std::string says = text["description"];
    out += "### " + std::string(type) + "\n\n" + says.substr(0, says.find(" A CloudEvent 1.0")) + "\n\n";
    out += kFieldHead;
    rows_of(text["properties"]["data"], "", out);
    out += "\n";
  }
  out.pop_back();
  return out;
}

std::string commands_table() {
  Json data = schema("echoloop.task.command.v1")["properties"]["data"];
  const auto needs = [](const Json& then) {
    std::string out;
    for (const Json& one : then["required"]) out += (out.empty() ? "" : ", ") + one.get<std::string>();
    return out;
  };
  std::string out = "| command | needs |\n|---|---|\n";
  for (const Json& command : data["properties"]["command"]["enum"]) {
    std::string needed = "–";
    for (const Json& rule : data["allOf"]) {
      if (rule["if"]["properties"]["command"]["const"] != command) continue;
      const Json& then = rule["then"];
      needed = then.contains("anyOf") ? needs(then["anyOf"][0]) + " or " + needs(then["anyOf"][1]) : needs(then);
    }
    out += "| `" + command.get<std::string>() + "` | " + needed + " |\n";
  }
  return out;
}

// Definitions of all schemas; equal wherever the same name stands twice.
Json definitions() {
  Json all = Json::object();
  for (Text type : kEventTypes) {
    Json text = schema(type);
    for (const auto& [name, definition] : text["definitions"].items()) {
      if (all.contains(name)) {
        EXPECT_EQ(all[name], definition) << name << " in " << type;
      }
      all[name] = definition;
    }
  }
  return all;
}

std::string limits_table() {
  std::string out = "| kind | is |\n|---|---|\n";
  const Json all = definitions();
  for (const auto& [name, definition] : all.items()) {
    if (!name.starts_with("optional_")) out += "| " + name + " | " + definition.value("description", "") + " |\n";
  }
  return out;
}

std::string checks_table() {
  std::string out = "| check | says |\n|---|---|\n";
  for (const SemanticCheck& check : semantic_checks())
    out.append("| ").append(check.name).append(" | ").append(check.says).append(" |\n");
  return out;
}

void put_block(std::string& page, const std::string& name, const std::string& content) {
  const std::string begin = "<!-- begin " + name + " -->\n", end = "<!-- end " + name + " -->";
  std::size_t from = page.find(begin), to = page.find(end);
  ASSERT_NE(from, std::string::npos) << name;
  ASSERT_NE(to, std::string::npos) << name;
  page.replace(from + begin.size(), to - from - begin.size(), content);
}

TEST(EventDocs, PrintTheSchemasAndTheChecks) {
  std::ifstream file(kPage);
  std::stringstream read;
  read << file.rdbuf();
  std::string page = read.str();
  put_block(page, "envelope", envelope_table());
  put_block(page, "types", types_tables());
  put_block(page, "commands", commands_table());
  put_block(page, "limits", limits_table());
  put_block(page, "checks", checks_table());
  if (std::getenv("ECHOLOOP_UPDATE_DOCS") != nullptr) std::ofstream(kPage) << page;
  EXPECT_EQ(page, read.str()) << "ECHOLOOP_UPDATE_DOCS=1 rewrites docs/events.md";
}

TEST(EventDocs, ShowAnEventThatIsAcceptedAndCanonical) {
  std::ifstream file(kPage);
  std::string line, example;
  while (std::getline(file, line)) {
    if (line.starts_with("{\"specversion\"")) example = line;
  }
  EventDecoder decoder;
  auto event = decoder.decode(example);
  ASSERT_TRUE(event) << event.error().text();
  std::string written;
  encode(*event, written);
  EXPECT_EQ(written, example);
}

TEST(EventSchemas, StandForEveryTypeAndNoOther) {
  for (Text type : kEventTypes) {
    Json text = schema(type);
    EXPECT_EQ(text["$schema"], "http://json-schema.org/draft-07/schema#");
    EXPECT_EQ(text["title"], type);
    EXPECT_EQ(text["properties"]["type"]["const"], type);
  }
  EXPECT_EQ(event_schema("echoloop.session.closed.v2"), "");
  EXPECT_EQ(event_schema("echoloop."), "");
  EXPECT_EQ(event_schema(""), "");
}

TEST(EventSchemas, GiveAReasonForEveryLimit) {
  const Json all = definitions();
  for (const auto& [name, definition] : all.items()) {
    EXPECT_GT(definition.value("description", "").size(), 5u) << name;
  }
}

}  // namespace
}  // namespace echoloop
