#include "schemas/domain_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "pipeline/base/hash.h"
#include "schemas/domain_draft.h"
#include "schemas/domain_schema.h"
#include "schemas/domain_yaml.h"

namespace echoloop {
namespace {

struct ConfigFile {
  std::string_view name;  // below the folder
  std::string_view schema;
  bool required = false;
};
// In the order in which they refer to each other.
constexpr ConfigFile kFiles[] = {{"organisation.yaml", "organisation", true},
                                 {"surveys.yaml", "surveys", false},
                                 {"taxonomy.yaml", "taxonomy", true},
                                 {"metrics.yaml", "metrics", true},
                                 {"rules.yaml", "rules", true},
                                 {"routing.yaml", "routing", false},
                                 {"adapters/adapters.yaml", "adapters", false}};

// One for each region and year.
constexpr std::string_view kCalendarFolder = "calendars/", kCalendarSchema = "calendar_year";

bool is_yaml(std::string_view name) { return name.ends_with(".yaml") || name.ends_with(".yml"); }

bool is_calendar(std::string_view name) { return name.starts_with(kCalendarFolder) && is_yaml(name); }

// Of everything that is written: numbers by their value, keys sorted, comments and layout aside.
std::uint64_t hash_of(const std::map<std::string, yaml::Document>& documents) {
  nlohmann::json all = nlohmann::json::object();
  for (const auto& [schema, document] : documents) all[schema] = yaml::to_json(document.root);
  return hash64(all.dump());
}

class Loader {
 public:
  explicit Loader(std::string_view shown_folder) : shown_folder_(shown_folder) {}

  DomainFaults faults;
  std::string shown_rules;  // how faults name rules.yaml; empty: as the others

  std::string shown(std::string_view name) const {
    if (name == "rules.yaml" && !shown_rules.empty()) return shown_rules;
    return shown_folder_.empty() ? std::string{name} : fmt::format("{}/{}", shown_folder_, name);
  }

  LoadedDomain load(const DomainTexts& texts, const std::set<std::string>& names) {
    refuse_strangers(names);
    for (const ConfigFile& file : kFiles) parse(file, texts, names);
    for (const auto& [name, text] : texts) {
      if (is_calendar(name)) parse_text(name, text, kCalendarSchema, name);
    }
    read(names);
    if (faults.empty()) draft_.domain.counting = counting_intervals(draft_);
    if (faults.empty()) {
      draft_.domain.hash = hash_of(documents_);
      return std::move(draft_.domain);
    }
    std::sort(faults.begin(), faults.end());
    faults.erase(std::unique(faults.begin(), faults.end()), faults.end());
    return tl::make_unexpected(std::move(faults));
  }

 private:
  void refuse_strangers(const std::set<std::string>& names) {
    std::vector<std::string> known;
    for (const ConfigFile& file : kFiles) known.emplace_back(file.name);
    for (const std::string& name : names) {
      bool beside = name.find('/') == std::string::npos || name.rfind("adapters/", 0) == 0;
      bool example = name.rfind("adapters/", 0) == 0 && std::count(name.begin(), name.end(), '/') > 1;
      if (!is_yaml(name) || !beside || example) continue;
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      faults.push_back(
          {shown(name), 0, 0, fmt::format("is none of the files that echoloop reads{}", did_you_mean(name, known))});
    }
  }

  void parse(const ConfigFile& file, const DomainTexts& texts, const std::set<std::string>& names) {
    auto text = texts.find(std::string{file.name});
    if (text == texts.end()) {
      // a file that is there but could not be read has its fault already
      if (file.required && !names.contains(std::string{file.name}))
        faults.push_back({shown(file.name), 0, 0, "is missing"});
      return;
    }
    if (parse_text(file.name, text->second, file.schema, file.schema)) draft_.read.insert(std::string{file.schema});
  }

  // `key`: what the document is kept under.
  bool parse_text(std::string_view name, const std::string& text, std::string_view schema, std::string_view key) {
    auto document = yaml::parse(shown(name), text, faults);
    if (!document) return false;
    check_schema(schema, *document);
    documents_.emplace(key, std::move(*document));
    return true;
  }

  void read(const std::set<std::string>& names) {
    const auto with = [&](const char* schema, auto&& reader) {
      auto found = documents_.find(schema);
      if (found != documents_.end()) reader(found->second);
    };
    for (const auto& [name, document] : documents_) {
      if (is_calendar(name)) read_calendar_year(document, draft_);
    }
    with("organisation", [&](const yaml::Document& document) { read_organisation(document, draft_); });
    with("surveys", [&](const yaml::Document& document) { read_surveys(document, draft_); });
    with("taxonomy", [&](const yaml::Document& document) { read_taxonomy(document, draft_); });
    with("metrics", [&](const yaml::Document& document) { read_metrics(document, draft_); });
    with("rules", [&](const yaml::Document& document) { read_rules(document, draft_); });
    if (!shown_rules.empty()) draft_.read.erase("rules");  // on trial: they need not have all that routes name
    with("routing", [&](const yaml::Document& document) { read_routing(document, draft_); });
    with("adapters", [&](const yaml::Document& document) { read_adapters(document, names, draft_); });
  }

  std::string shown_folder_;
  Draft draft_;
  std::map<std::string, yaml::Document> documents_;
};

// Reads no more than a configuration file may have, and one byte to tell that it has more.
std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::string text(yaml::kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace

LoadedDomain load_domain(const DomainTexts& texts, std::string_view shown_folder) {
  std::set<std::string> names;
  for (const auto& [name, text] : texts) names.insert(name);
  return Loader{shown_folder}.load(texts, names);
}

namespace {

LoadedDomain load_folder(const std::filesystem::path& folder, const std::string* rules,
                         const std::string& shown_rules) {
  namespace fs = std::filesystem;
  const std::string shown_folder = folder.has_filename() ? folder.string() : folder.parent_path().string();
  Loader loader{shown_folder};
  loader.shown_rules = shown_rules;
  std::set<std::string> names;
  std::error_code failure;
  for (fs::recursive_directory_iterator it{folder, fs::directory_options::follow_directory_symlink, failure}, end;
       !failure && it != end; it.increment(failure)) {
    if (it.depth() > 8) it.disable_recursion_pending();  // links in circles
    std::error_code ignored;
    if (it->is_regular_file(ignored)) names.insert(it->path().lexically_relative(folder).generic_string());
  }
  if (failure) {
    return tl::make_unexpected(
        DomainFaults{{shown_folder, 0, 0, fmt::format("cannot be read: {}", failure.message())}});
  }
  DomainTexts texts;
  std::vector<std::string> read;
  for (const ConfigFile& file : kFiles) {
    if (names.contains(std::string{file.name})) read.emplace_back(file.name);
  }
  std::copy_if(names.begin(), names.end(), std::back_inserter(read), is_calendar);
  for (const std::string& name : read) {
    if (auto text = read_file(folder / name)) {
      texts.emplace(name, std::move(*text));
    } else {
      loader.faults.push_back({loader.shown(name), 0, 0, "cannot be read"});
    }
  }
  if (rules != nullptr) {
    names.insert("rules.yaml");
    texts["rules.yaml"] = *rules;
  }
  return loader.load(texts, names);
}

}  // namespace

LoadedDomain load_domain(const std::filesystem::path& folder) { return load_folder(folder, nullptr, {}); }

LoadedDomain load_domain_with_rules(const std::filesystem::path& folder, const std::string& rules,
                                    const std::string& shown) {
  return load_folder(folder, &rules, shown);
}

std::string text_of(const DomainFaults& faults) {
  std::string out;
  for (const DomainFault& fault : faults) out += fault.text() + "\n";
  return out;
}

}  // namespace echoloop
