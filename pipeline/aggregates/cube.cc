#include "pipeline/aggregates/cube.h"

#include <fmt/format.h>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "pipeline/base/time.h"

namespace echoloop::aggregates {
namespace {

constexpr std::string_view kJoin = "×";

void put_json_text(std::string& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void put_json_texts(std::string& out, const std::vector<std::string>& texts) {
  out.push_back('[');
  for (const std::string& text : texts) {
    if (out.back() != '[') out.push_back(',');
    put_json_text(out, text);
  }
  out.push_back(']');
}

}  // namespace

std::string set_name(const std::vector<std::string>& dimensions) {
  std::string out;
  for (const std::string& dimension : dimensions) {
    if (!out.empty()) out += kJoin;
    out += dimension;
  }
  return out;
}

std::vector<std::string> dimensions_of(std::string_view set) {
  std::vector<std::string> out;
  while (!set.empty()) {
    std::size_t end = set.find(kJoin);
    out.emplace_back(set.substr(0, end));
    set.remove_prefix(end == std::string_view::npos ? set.size() : end + kJoin.size());
  }
  return out;
}

std::string cube_from(std::string_view tenant, std::string_view set, std::int64_t bucket_ms) {
  std::string key = cube_partition_key(tenant, set);
  put_key_time(key, bucket_ms);
  return key;
}

std::string cube_key(std::string_view tenant, std::string_view set, std::int64_t bucket_ms,
                     const std::vector<std::string_view>& values) {
  std::string key = cube_from(tenant, set, bucket_ms);
  for (std::string_view value : values) put_key_text(key, value);
  return key;
}

std::optional<CubeKey> parse_cube_key(std::string_view key) {
  KeyReader reader{key};
  CubeKey out;
  out.tenant = reader.text();
  out.set = reader.text();
  out.bucket_ms = reader.time_ms();
  while (reader.ok() && !reader.done()) out.values.push_back(reader.text());
  if (!reader.ok() || out.values.size() != dimensions_of(out.set).size()) return std::nullopt;
  return out;
}

std::string cube_partition_key(std::string_view tenant, std::string_view set) {
  std::string key;
  put_key_text(key, tenant);
  put_key_text(key, set);
  return key;
}

std::string canonical_line(const CubeKey& key, const Measures& measures) {
  // The second at or below, also where its milliseconds have no 64 bits.
  const std::int64_t bucket = key.bucket_ms / kSecond_ms - (key.bucket_ms % kSecond_ms < 0 ? 1 : 0);
  std::string out = fmt::format("{{\"bucket\":{},\"dimensions\":", bucket);
  put_json_texts(out, dimensions_of(key.set));
  out += ",\"measures\":";
  out += measures.json();
  out += ",\"tenant\":";
  put_json_text(out, key.tenant);
  out += ",\"values\":";
  put_json_texts(out, key.values);
  out.push_back('}');
  return out;
}

std::string evidence_from(std::string_view tenant, std::string_view rule, const std::vector<std::string_view>& scope,
                          std::int64_t window_ms) {
  std::string key;
  put_key_text(key, tenant);
  put_key_text(key, rule);
  put_key_u32(key, static_cast<std::uint32_t>(scope.size()));
  for (std::string_view value : scope) put_key_text(key, value);
  put_key_time(key, window_ms);
  return key;
}

std::string evidence_key(std::string_view tenant, std::string_view rule, const std::vector<std::string_view>& scope,
                         std::int64_t window_ms, std::string_view session_id) {
  std::string key = evidence_from(tenant, rule, scope, window_ms);
  put_key_text(key, session_id);
  return key;
}

std::size_t evidence_window_bytes(std::string_view key) {
  KeyReader reader{key};
  reader.skip_text();
  reader.skip_text();
  for (std::uint32_t left = reader.u32(); left > 0 && reader.ok(); --left) reader.skip_text();
  reader.time_ms();
  return reader.ok() ? key.size() - reader.rest().size() : 0;
}

std::optional<EvidenceWindow> parse_evidence_window(std::string_view window) {
  KeyReader reader{window};
  EvidenceWindow out;
  out.tenant = reader.text();
  out.rule = reader.text();
  for (std::uint32_t left = reader.u32(); left > 0 && reader.ok(); --left) out.scope.push_back(reader.text());
  out.window_ms = reader.time_ms();
  if (!reader.ok() || !reader.done()) return std::nullopt;
  return out;
}

}  // namespace echoloop::aggregates
