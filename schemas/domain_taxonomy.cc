// taxonomy.yaml.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/text/normalise.h"
#include "schemas/domain_draft.h"

namespace echoloop {
namespace {

// Which tag each normalised text stands for: one text cannot stand for two tags, whatever the dates.
class AliasOwners {
 public:
  explicit AliasOwners(const yaml::Document& document) : document_(document) {}

  void take(const yaml::Place& place, const std::string& text, Time from, const std::string& tag, Draft& draft) {
    std::string normalised = normalise_tag(text);
    if (normalised.empty()) {
      document_.fault(place, fmt::format("'{}' is empty after normalising", text));
      return;
    }
    auto [owner, fresh] = owners_.emplace(normalised, Owner{tag, place.line});
    if (!fresh && owner->second.tag != tag) {
      document_.fault(place, fmt::format("'{}' already stands for tag '{}' (line {}), it cannot stand for '{}' too",
                                         text, owner->second.tag, owner->second.line, tag));
      return;
    }
    draft.aliases.push_back({from, std::move(normalised), tag});
  }

 private:
  struct Owner {
    std::string tag;
    int line = 0;
  };
  const yaml::Document& document_;
  std::map<std::string, Owner> owners_;
};

Sentiment sentiment_named(std::string_view name) {
  if (name == "positive") return Sentiment::positive;
  if (name == "negative") return Sentiment::negative;
  return Sentiment::neutral;
}

void read_names(const yaml::Node& one, const Tag& tag, AliasOwners& owners, Draft& draft) {
  const yaml::Node* names = one.find("name");
  if (names == nullptr) return;
  for (std::string_view language : {"zh", "en"}) {
    const yaml::Node* name = names->find(language);
    if (name != nullptr && name->kind == yaml::Node::Kind::text && !name->scalar.empty()) {
      owners.take(name->place, name->scalar, kBeginning, tag.id, draft);
    }
  }
}

void read_aliases(const yaml::Document& document, const yaml::Node& one, const Tag& tag, AliasOwners& owners,
                  Draft& draft) {
  for (const yaml::Node& alias : one.list("aliases")) {
    if (alias.kind == yaml::Node::Kind::text) {
      owners.take(alias.place, alias.scalar, kBeginning, tag.id, draft);
    } else if (auto text = alias.text("text")) {
      auto from = read_effective_from(document, alias);
      if (from) owners.take(alias.find("text")->place, std::string{*text}, *from, tag.id, draft);
    }
  }
}

void read_red_lines(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "red line"};
  for (const yaml::Node& one : document.root.list("red_lines")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    RedLine line;
    line.id = id->scalar;
    line.version = static_cast<int>(read_integer(one, "version", 1));
    line.title = read_bilingual(one, "title");
    for (const yaml::Node* tag : read_texts(one, "tags")) {
      if (check_reference(document, *tag, "tag", draft.tag_ids())) line.tags.insert(tag->scalar);
    }
    for (const yaml::Node* word : read_texts(one, "words")) {
      std::string normalised = normalise_comment(word->scalar);
      if (normalised.empty()) {
        document.fault(word->place,
                       fmt::format("'{}' is empty after normalising: it would match every comment", word->scalar));
      } else if (std::find(line.words.begin(), line.words.end(), normalised) == line.words.end()) {
        line.words.push_back(std::move(normalised));
      }
    }
    if (one.list("tags").empty() && one.list("words").empty() &&
        (one.find("tags") != nullptr || one.find("words") != nullptr)) {
      document.fault(one.place, fmt::format("red line '{}' has neither tags nor words: it would never fire", line.id));
    }
    draft.domain.red_lines.push_back(std::move(line));
  }
}

}  // namespace

void read_taxonomy(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "tag"};
  AliasOwners owners{document};
  std::vector<std::pair<const yaml::Node*, Tag>> read;
  for (const yaml::Node& one : document.root.list("tags")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    Tag tag;
    tag.id = id->scalar;
    tag.name = read_bilingual(one, "name");
    tag.moment = read_text(one, "moment");
    if (tag.moment.empty()) tag.moment = "unknown";
    tag.sentiment = sentiment_named(one.text("sentiment").value_or(""));
    read.emplace_back(&one, tag);
    // ids before names and names before aliases: a conflict is told where somebody was careless, not where the id
    // stands
    owners.take(id->place, id->scalar, kBeginning, tag.id, draft);
    draft.domain.tags.push_back(std::move(tag));
  }
  for (const auto& [one, tag] : read) read_names(*one, tag, owners, draft);
  for (const auto& [one, tag] : read) read_aliases(document, *one, tag, owners, draft);
  read_red_lines(document, draft);
}

}  // namespace echoloop
