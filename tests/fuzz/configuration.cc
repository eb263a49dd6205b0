// Any text as one of the configuration's files, chosen by the first byte, beside the others of a small house.
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "schemas/domain_load.h"
#include "schemas/domain_yaml.h"
#include "tests/fuzz/demand.h"

namespace echoloop::fuzz {
namespace {

constexpr std::array<const char*, 7> kNames{"organisation.yaml",     "surveys.yaml", "taxonomy.yaml",
                                            "metrics.yaml",          "rules.yaml",   "routing.yaml",
                                            "adapters/adapters.yaml"};

// The small house of the behaviour tests, and an adapter.
const DomainTexts& small_house() {
  static const DomainTexts kTexts = [] {
    DomainTexts texts{
        {"adapters/desk.jq", "."}, {"adapters/examples/desk.json", ""}, {"adapters/examples/desk.ndjson", ""}};
    for (const char* name : kNames) {
      if (std::string_view{name}.starts_with("surveys") || std::string_view{name}.starts_with("routing")) continue;
      std::ifstream file{std::string(ECHOLOOP_SOURCE_DIR) + "/tests/behaviour/config/" + name};
      if (file) texts[name] = {std::istreambuf_iterator<char>{file}, {}};
    }
    return texts;
  }();
  return kTexts;
}

// `name`: of the file that has the text.
void check_faults(const DomainFaults& faults, std::string_view name, std::string_view text) {
  demand(!faults.empty(), "a refusal says why");
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  for (const auto& fault : faults) {
    demand(fault.file.starts_with("config/"), "a fault names its file", fault.text());
    demand(!fault.message.empty(), "a fault has a message", fault.text());
    if (!fault.file.ends_with(name)) continue;
    demand(fault.line <= lines + 1 && (fault.line > 0) == (fault.column > 0), "a fault has a place in the text",
           fault.text());
  }
}

// Lists and maps within each other.
std::size_t depth_of(const yaml::Node& node) {
  std::size_t inside = 0;
  for (const auto& item : node.items) inside = std::max(inside, depth_of(item));
  for (const auto& member : node.members) inside = std::max(inside, depth_of(member.value));
  return inside + (node.kind == yaml::Node::Kind::list || node.kind == yaml::Node::Kind::map ? 1 : 0);
}

}  // namespace
}  // namespace echoloop::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace echoloop;
  using namespace echoloop::fuzz;
  auto text = text_of(data, size);
  const char* name = kNames[take_choice(text) % kNames.size()];
  std::vector<DomainFault> faults;
  auto document = yaml::parse(std::string("config/") + name, text, faults);
  if (!document || !faults.empty()) {
    check_faults(faults, name, text);
    return 0;
  }
  demand(depth_of(document->root) <= yaml::kDepthMax, "a tree is no deeper than its readers bear");
  (void)yaml::to_json(document->root).dump();
  auto texts = small_house();
  texts[name] = std::string(text);
  const auto loaded = load_domain(texts);
  if (!loaded) {
    check_faults(loaded.error(), name, text);
    return 0;
  }
  demand(loaded->hash == load_domain(texts)->hash, "the same texts have the same hash");
  texts["rules.yml"] = "";
  demand(!load_domain(texts), "a file that nobody reads is refused");
  return 0;
}
