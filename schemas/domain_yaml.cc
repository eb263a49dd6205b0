#include "schemas/domain_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "pipeline/text/normalise.h"

namespace echoloop {

std::string DomainFault::text() const {
  return line > 0 ? fmt::format("{}:{}:{}: {}", file, line, column, message) : fmt::format("{}: {}", file, message);
}

namespace yaml {
namespace {

bool is_number(std::string_view text) {
  double value;
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars also reads "inf" and "nan", which JSON does not know
  return failure == std::errc{} && end == text.data() + text.size() &&
         text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

bool is_boolean(std::string_view text) {
  return text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" || text == "FALSE";
}

bool is_control(char c) { return (c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7F; }

// Where characters stand: yaml-cpp counts bytes, people count characters.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }
  Place place(const YAML::Mark& mark) const {
    if (mark.is_null() || mark.line < 0 || static_cast<std::size_t>(mark.line) >= starts_.size()) return {};
    std::size_t start = starts_[static_cast<std::size_t>(mark.line)];
    std::string_view before = text_.substr(start, static_cast<std::size_t>(std::max(mark.column, 0)));
    auto characters = std::count_if(before.begin(), before.end(), [](char c) { return (c & 0xC0) != 0x80; });
    return {mark.line + 1, static_cast<int>(characters) + 1};
  }
  // The first line that is no UTF-8; 0: none.
  int broken_line() const {
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      std::size_t end = i + 1 < starts_.size() ? starts_[i + 1] : text_.size();
      if (!valid_utf8(text_.substr(starts_[i], end - starts_[i]))) return static_cast<int>(i) + 1;
    }
    return 0;
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Document& document, const Lines& lines) : document_(document), lines_(lines) {}

  Node root;
  bool unreadable = false;  // checking it further would not be safe

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place = lines_.place(mark);
    // an absent value is marked where the next thing begins: its key says more
    if (!frames_.empty() && frames_.back().key) node.place = frames_.back().key_place;
    add(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    Node node;
    if (found == anchors_.end()) {
      document_.fault(lines_.place(mark), "an alias (*name) inside its own anchor");
    } else if (nodes_ + found->second.nodes > kNodesMax) {
      document_.fault(lines_.place(mark), "the aliases (*name) of this file multiply beyond a million values");
    } else if (frames_.size() + found->second.depth > kDepthMax) {
      refuse_depth(lines_.place(mark));
    } else {
      nodes_ += found->second.nodes;
      note_depth(frames_.size() + found->second.depth);
      node = found->second.node;
    }
    node.place = lines_.place(mark);
    add(std::move(node), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.place = lines_.place(mark);
    if (value.size() > kScalarBytesMax) {
      document_.fault(node.place, fmt::format("a text longer than {} bytes", kScalarBytesMax));
      unreadable = true;
    }
    node.scalar = value;
    node.kind = Node::Kind::text;
    if (tag == "?") {
      if (is_boolean(value)) node.kind = Node::Kind::boolean;
      if (is_number(value)) node.kind = Node::Kind::number;
    }
    check_tag(node.place, tag);
    if (node.scalar.find("${") != std::string::npos) {
      document_.fault(node.place,
                      "'${' is not filled in here: write the value, or name a file or variable where a key offers it");
    }
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::size_t nodes_before = 0;
    std::size_t deepest = 0;  // of what lies in it, counted from the root
    std::optional<std::string> key;
    Place key_place;
  };
  struct Anchored {
    Node node;
    std::size_t nodes = 1;  // it and those inside
    std::size_t depth = 0;  // lists and maps within each other, itself included
  };

  void refuse_depth(const Place& place) {
    if (!unreadable) document_.fault(place, fmt::format("lists and maps within each other, more than {}", kDepthMax));
    unreadable = true;
  }
  void note_depth(std::size_t depth) {
    if (!frames_.empty()) frames_.back().deepest = std::max(frames_.back().deepest, depth);
  }

  void check_tag(const Place& place, const std::string& tag) {
    if (tag == "?" || tag == "!" || tag.empty() || tag == "tag:yaml.org,2002:str") return;
    document_.fault(place, fmt::format("types by tag ({}) are not read here", tag));
  }
  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Frame frame;
    frame.node.kind = kind;
    frame.node.place = lines_.place(mark);
    frame.anchor = anchor;
    frame.nodes_before = nodes_;
    check_tag(frame.node.place, tag);
    if (frames_.size() >= kDepthMax) refuse_depth(frame.node.place);
    frames_.push_back(std::move(frame));
    note_depth(frames_.size());
  }
  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.node.kind == Node::Kind::map) check_duplicates(frame.node);
    if (frame.anchor != 0)
      anchors_[frame.anchor] = {frame.node, nodes_ - frame.nodes_before + 1, frame.deepest - frames_.size()};
    note_depth(frame.deepest);
    add(std::move(frame.node), 0);
  }
  void check_duplicates(Node& map) {
    std::map<std::string_view, const Member*> seen;
    std::vector<bool> stands;
    for (const Member& member : map.members) {
      auto [first, fresh] = seen.emplace(member.key, &member);
      stands.push_back(fresh);
      if (fresh) continue;
      document_.fault(member.place,
                      fmt::format("key '{}' stands twice (first in line {})", member.key, first->second->place.line));
    }
    if (seen.size() == map.members.size()) return;
    std::vector<Member> kept;
    for (std::size_t i = 0; i < stands.size(); ++i) {
      if (stands[i]) kept.push_back(std::move(map.members[i]));
    }
    map.members = std::move(kept);
  }
  void add(Node node, YAML::anchor_t anchor) {
    ++nodes_;
    if (anchor != 0) anchors_[anchor] = {node};
    if (frames_.empty()) {
      root = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::list) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      bool scalar = node.kind != Node::Kind::list && node.kind != Node::Kind::map && node.kind != Node::Kind::null;
      if (!scalar) document_.fault(node.place, "a key must be a text");
      frame.key = std::move(node.scalar);
      frame.key_place = node.place;
    } else {
      frame.node.members.push_back({std::move(*frame.key), frame.key_place, std::move(node)});
      frame.key.reset();
    }
  }

  const Document& document_;
  const Lines& lines_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::optional<std::string_view> Node::text(std::string_view key) const {
  const Node* value = find(key);
  if (value == nullptr || value->kind != Kind::text) return std::nullopt;
  return value->scalar;
}

const std::vector<Node>& Node::list(std::string_view key) const {
  static const std::vector<Node> kEmpty;
  const Node* value = find(key);
  return value == nullptr ? kEmpty : value->items;
}

std::optional<std::int64_t> Node::integer() const {
  std::int64_t value;
  std::string_view text{scalar};
  if (kind != Kind::number) return std::nullopt;
  if (text.front() == '+') text.remove_prefix(1);
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void Document::fault(const Place& place, std::string message) const {
  faults->push_back({file, place.line, place.column, std::move(message)});
}

std::optional<Document> parse(std::string file, std::string_view text, std::vector<DomainFault>& faults) {
  Document document{std::move(file), {}, &faults};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Lines lines{text};
  if (text.size() > kFileBytesMax) {
    document.fault({}, fmt::format("larger than {} bytes", kFileBytesMax));
    return std::nullopt;
  }
  if (int line = lines.broken_line(); line > 0 || text.find('\0') != std::string_view::npos) {
    document.fault({std::max(line, 1), 1}, "is not UTF-8 text");
    return std::nullopt;
  }
  // YAML has none of them, and for yaml-cpp the byte 04 ends the file.
  if (const auto at = std::find_if(text.begin(), text.end(), is_control); at != text.end()) {
    document.fault({1 + static_cast<int>(std::count(text.begin(), at, '\n')), 1}, "a control character");
    return std::nullopt;
  }
  try {
    std::istringstream stream{std::string{text}};
    YAML::Parser parser{stream};
    TreeBuilder builder{document, lines};
    parser.HandleNextDocument(builder);
    if (builder.unreadable) return std::nullopt;
    document.root = std::move(builder.root);
    if (document.root.place.line == 0) document.root.place = {1, 1};
    TreeBuilder second{document, lines};
    if (parser.HandleNextDocument(second)) document.fault(second.root.place, "a second document in one file");
  } catch (const YAML::Exception& error) {
    document.fault(lines.place(error.mark), fmt::format("no valid YAML: {}", error.msg));
    return std::nullopt;
  }
  return document;
}

nlohmann::json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::boolean:
      return node.scalar.front() == 't' || node.scalar.front() == 'T';
    case Node::Kind::text:
      return node.scalar;
    case Node::Kind::number: {
      if (auto whole = node.integer()) return *whole;
      double value = 0;
      std::string_view text{node.scalar};
      if (text.front() == '+') text.remove_prefix(1);
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    }
    case Node::Kind::list: {
      auto out = nlohmann::json::array();
      for (const Node& item : node.items) out.push_back(to_json(item));
      return out;
    }
    case Node::Kind::map: {
      auto out = nlohmann::json::object();
      for (const Member& member : node.members) out[member.key] = to_json(member.value);
      return out;
    }
  }
  return nullptr;
}

Result<std::int64_t> parse_decimal(std::string_view text, int places) {
  constexpr std::int64_t kWholeMax = 1'000'000'000'000;
  std::string_view rest = text;
  const auto bad = [&](std::string_view why) { return bad_input("", fmt::format("'{}' {}", text.substr(0, 64), why)); };
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  std::int64_t value = 0;
  int decimals = -1;  // none until the point
  bool digit = false;
  for (char c : rest) {
    if (c == '.' && decimals < 0) {
      decimals = 0;
    } else if (c >= '0' && c <= '9') {
      digit = true;
      if (decimals >= places) {
        if (c != '0') return bad(fmt::format("has more than {} decimals", places));
        continue;
      }
      value = value * 10 + (c - '0');
      if (decimals >= 0) ++decimals;
      if (decimals < 0 && value > kWholeMax) return bad("is above 10^12");
    } else {
      return bad("is not a plain decimal number");
    }
  }
  if (!digit) return bad("is not a plain decimal number");
  for (int i = std::max(decimals, 0); i < places; ++i) value *= 10;
  return negative ? -value : value;
}

}  // namespace yaml
}  // namespace echoloop
