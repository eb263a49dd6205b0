// schemas/openapi.yaml against the routes, both ways.
#include "pipeline/intake/http_openapi.h"

#include <gmock/gmock.h>

#include <set>

#include "pipeline/serving/api.h"
#include "tests/intake/http_desk.h"

namespace echoloop {
namespace {

using Json = nlohmann::json;
using testing::IsEmpty;
using testing::SizeIs;

// What both sides say about an operation.
struct Face {
  std::set<std::string> parameters, lists, placeholders, body_types;
  friend bool operator==(const Face&, const Face&) = default;
  friend void PrintTo(const Face& face, std::ostream* out) {
    *out << "parameters " << Json(face.parameters) << " lists " << Json(face.lists) << " placeholders "
         << Json(face.placeholders) << " bodies " << Json(face.body_types);
  }
};
using Faces = std::map<std::string, Face>;  // "GET /path"

class OpenApi : public Desk {
 protected:
  void SetUp() override {
    Desk::SetUp();
    serving::add_routes(router_, {});
    add_openapi_route(router_);
    document_ = Json::parse(openapi_json());
  }

  // The target of a $ref, or the object itself.
  const Json& at(const Json& json) const {
    if (!json.is_object() || !json.contains("$ref")) return json;
    auto pointer = json["$ref"].get<std::string>();
    EXPECT_TRUE(pointer.starts_with("#/")) << pointer;
    return document_.at(Json::json_pointer(pointer.substr(1)));
  }

  Faces described() const {
    Faces out;
    for (const auto& [path, methods] : document_["paths"].items()) {
      for (const auto& [method, operation] : methods.items()) {
        std::string upper;
        for (char c : method) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        Face face;
        for (const auto& reference : operation.value("parameters", Json::array())) {
          const auto& parameter = at(reference);
          if (parameter["in"] == "query") face.parameters.insert(parameter["name"]);
          if (at(parameter["schema"]).value("type", "") == "array") face.lists.insert(parameter["name"]);
          if (parameter["in"] == "path") face.placeholders.insert(parameter["name"]);
        }
        if (operation.contains("requestBody")) {
          for (const auto& [type, content] : operation["requestBody"]["content"].items()) face.body_types.insert(type);
        }
        out.emplace(upper + " " + path, std::move(face));
      }
    }
    return out;
  }

  Faces routed() const {
    Faces out;
    for (const auto& operation : router_.operations()) {
      Face face{{operation.parameters.begin(), operation.parameters.end()},
                {operation.lists.begin(), operation.lists.end()},
                {},
                {operation.body_types.begin(), operation.body_types.end()}};
      for (auto begin = operation.path.find('{'); begin != std::string::npos;
           begin = operation.path.find('{', begin + 1)) {
        face.placeholders.insert(operation.path.substr(begin + 1, operation.path.find('}', begin) - begin - 1));
      }
      out.emplace(operation.method + " " + operation.path, std::move(face));
    }
    return out;
  }

  Json document_;
};

TEST_F(OpenApi, DescribesExactlyTheRoutesThatThereAre) {
  auto left = described(), right = routed();
  for (const auto& [name, face] : left) EXPECT_TRUE(right.contains(name)) << name << " is described and not there";
  for (const auto& [name, face] : right) EXPECT_TRUE(left.contains(name)) << name << " is there and not described";
  for (const auto& [name, face] : left) {
    if (auto found = right.find(name); found != right.end()) {
      EXPECT_EQ(face, found->second) << name;
    }
  }
  EXPECT_GE(left.size(), 20u);
}

TEST_F(OpenApi, EveryReferenceLeadsSomewhere) {
  std::set<std::string> used;
  std::function<void(const Json&)> walk = [&](const Json& json) {
    if (json.is_object() && json.contains("$ref")) {
      auto pointer = json["$ref"].get<std::string>();
      used.insert(pointer);
      EXPECT_TRUE(document_.contains(Json::json_pointer(pointer.substr(1)))) << pointer;
    }
    if (json.is_structured()) {
      for (const auto& inner : json) walk(inner);
    }
  };
  walk(document_);
  // And every component is used.
  for (const auto& [kind, components] : document_["components"].items()) {
    for (const auto& [name, component] : components.items()) {
      EXPECT_TRUE(used.contains("#/components/" + kind + "/" + name)) << kind << "/" << name;
    }
  }
}

TEST_F(OpenApi, OperationsHaveNamesOfTheirOwnAndSayHowTheyFail) {
  std::set<std::string> names;
  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_TRUE(names.insert(operation["operationId"].get<std::string>()).second) << operation["operationId"];
      EXPECT_TRUE(operation["responses"].contains("default")) << path;
      EXPECT_FALSE(operation.value("summary", "").empty()) << path;
    }
  }
}

TEST_F(OpenApi, IsServedAsJsonWithItsVersion) {
  auto told = ask("GET", "/openapi.json", "", "");
  EXPECT_EQ(told.status, 200);
  EXPECT_EQ(told.body["openapi"], "3.1.0");
  EXPECT_TRUE(told.headers.get("ETag"));
  // Types of YAML survive: numbers, quoted texts, null as the name of a type.
  EXPECT_EQ(told.body["components"]["parameters"]["limit"]["schema"]["default"], 50);
  EXPECT_EQ(told.body["components"]["schemas"]["CloudEvent"]["properties"]["specversion"]["const"], "1.0");
  EXPECT_EQ(told.body["components"]["schemas"]["Text"]["type"], Json({"string", "null"}));
  EXPECT_EQ(told.body["components"]["schemas"]["Evaluation"]["properties"]["resolved"]["enum"],
            Json({"yes", "no", nullptr}));
}

// What intake answers has the shape that is described.
TEST_F(OpenApi, IntakeAnswersAsDescribed) {
  const auto& entered = document_["components"]["schemas"]["Entered"];
  auto told = post_events("application/x-ndjson", closed("s1") + "\n{}");
  for (const auto& name : entered["required"]) EXPECT_TRUE(told.body.contains(name.get<std::string>())) << name;
  for (const auto& [name, value] : told.body.items()) EXPECT_TRUE(entered["properties"].contains(name)) << name;
  ASSERT_THAT(told.body["rejected"], SizeIs(1));
  for (const auto& name : entered["properties"]["rejected"]["items"]["required"]) {
    EXPECT_TRUE(told.body["rejected"][0].contains(name.get<std::string>())) << name;
  }
  auto refused = ask("GET", "/api/v1/events?x=1", "", "");
  EXPECT_EQ(refused.status, 405);
  for (const auto& name : document_["components"]["schemas"]["Problem"]["required"]) {
    EXPECT_TRUE(refused.body.contains(name.get<std::string>())) << name;
  }
}

}  // namespace
}  // namespace echoloop
