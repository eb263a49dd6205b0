#include "pipeline/intake/adapter.h"

#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

extern "C" {
#include <jq.h>
#include <jv.h>
}

namespace echoloop {
namespace {

constexpr std::size_t kMessageBytes_max = 1'000;  // jq quotes the values it stumbles over: enough to see which

std::string text_of(jv value) {
  std::string text(jv_string_value(value), static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value))));
  jv_free(value);
  return text;
}

std::string json_of(jv value) { return text_of(jv_dump_string(value, 0)); }

std::string cut(std::string message) {
  if (message.size() > kMessageBytes_max) {
    std::size_t end = kMessageBytes_max;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
    message.resize(end);
    message += "…";
  }
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message;
}

// What jq wants to say, from the message of an invalid value (consumed).
std::string message_of(jv invalid) {
  jv message = jv_invalid_get_msg(invalid);
  return cut(jv_get_kind(message) == JV_KIND_STRING ? text_of(message) : json_of(message));
}

// "file:14" of what jq says about a program ("… at <top-level>, line 14:"), else the file.
std::string place_in_program(const std::string& errors, const std::string& file) {
  static constexpr std::string_view kBefore = " at ", kBetween = ", line ";
  const std::size_t between = errors.find(kBetween);
  const std::size_t before = errors.rfind(kBefore, between);
  if (between == std::string::npos || before == std::string::npos) return file;
  const std::string where = errors.substr(before + kBefore.size(), between - before - kBefore.size());
  const std::size_t begin = between + kBetween.size(), end = errors.find_first_not_of("0123456789", begin);
  return (where == "<top-level>" ? file : where) + ":" + errors.substr(begin, end - begin);
}

void collect_error(void* lines, jv message) {
  message = jq_format_error(message);
  auto& all = *static_cast<std::string*>(lines);
  if (!all.empty()) all += "; ";
  all += text_of(message);
}

}  // namespace

struct Adapter::Program {
  jq_state* jq = nullptr;
  jq_util_input_state* inputs = nullptr;
  jv_parser* parser = nullptr;
  std::string name;
  std::string errors;

  explicit Program(std::string program_name) : jq(jq_init()), name(std::move(program_name)) {
    if (jq == nullptr) return;
    jq_set_error_cb(jq, collect_error, &errors);
    // `input` and `input_filename` assert on this callback; without files they say that there is no more input.
    inputs = jq_util_input_init(nullptr, nullptr);
    jq_set_input_cb(jq, jq_util_input_next_input_cb, inputs);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (parser != nullptr) jv_parser_free(parser);
    if (inputs != nullptr) jq_util_input_free(&inputs);
    if (jq != nullptr) jq_teardown(&jq);
  }

  Result<jv> parse(std::string_view document) {
    // A parser that has seen an error or a half value cannot go on: each document has its own.
    if (parser != nullptr) jv_parser_free(parser);
    parser = jv_parser_new(0);
    jv_parser_set_buf(parser, document.data(), static_cast<int>(document.size()), 0);
    jv value = jv_parser_next(parser);
    if (!jv_is_valid(value)) {
      if (jv_invalid_has_msg(jv_copy(value))) return bad_input("", "not JSON: " + message_of(value));
      jv_free(value);
      return bad_input("", "no JSON value");
    }
    jv rest = jv_parser_next(parser);
    bool more = jv_is_valid(rest) || jv_invalid_has_msg(jv_copy(rest));
    jv_free(rest);
    if (more) {
      jv_free(value);
      return bad_input("", "not JSON: text after the value");
    }
    return value;
  }

  // Takes one output of the program.
  Result<AdapterOutput> take(jv value) {
    AdapterOutput output;
    if (jv_get_kind(value) == JV_KIND_OBJECT) {
      jv skip = jv_object_get(jv_copy(value), jv_string("skip"));
      if (jv_get_kind(skip) == JV_KIND_STRING) {
        output.skip = cut(text_of(skip));
        if (output.skip.empty()) output.skip = "no reason given";
        jv_free(value);
        return output;
      }
      jv_free(skip);
      if (jv_object_has(jv_copy(value), jv_string("type"))) {
        output.event = json_of(value);
        return output;
      }
    }
    return bad_input(
        "", "adapter " + name + " yielded neither an event nor {\"skip\": \"reason\"}: " + cut(json_of(value)));
  }
};

Adapter::Adapter(std::unique_ptr<Program> program) : program_(std::move(program)) {}
Adapter::Adapter(Adapter&&) noexcept = default;
Adapter& Adapter::operator=(Adapter&&) noexcept = default;
Adapter::~Adapter() = default;

Result<Adapter> Adapter::open(const std::string& file, const std::string& library, const std::string& tenant) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  if (!in || !(text << in.rdbuf())) return bad_configuration(file, "cannot read this adapter");
  return compile(text.str(), file, library, tenant);
}

Result<Adapter> Adapter::compile(const std::string& program, const std::string& name, const std::string& library,
                                 const std::string& tenant) {
  auto made = std::make_unique<Program>(name);
  jq_state* jq = made->jq;
  if (jq == nullptr) return broken_world(name, "no memory for jq");
  // jq takes a relative library path from the program's folder, not from ours.
  std::error_code ignored;
  const std::string folder = std::filesystem::absolute(name, ignored).parent_path(),
                    modules = std::filesystem::absolute(library, ignored);
  jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/usr/bin"));
  jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string(folder.c_str()));
  jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array_append(jv_array(), jv_string(modules.c_str())));
  jv arguments =
      jv_object_set(jv_object(), jv_string("tenant"), jv_string_sized(tenant.data(), static_cast<int>(tenant.size())));
  if (program.find('\0') != std::string::npos) {
    jv_free(arguments);
    return bad_configuration(name, "holds a NUL byte");
  }
  if (jq_compile_args(jq, program.c_str(), arguments) == 0) {
    return bad_configuration(place_in_program(made->errors, name),
                             made->errors.empty() ? "jq cannot compile it" : cut(made->errors));
  }
  return Adapter(std::move(made));
}

Result<std::vector<AdapterOutput>> Adapter::run(std::string_view document_json) {
  if (document_json.size() > kDocumentBytes_max) return bad_input("", "document is longer than 16 MiB");
  // jq would silently put U+FFFD in place of broken bytes.
  if (!simdjson::validate_utf8(document_json.data(), document_json.size())) return bad_input("", "not UTF-8");
  Result<jv> document = program_->parse(document_json);
  if (!document) return tl::make_unexpected(document.error());

  std::vector<AdapterOutput> outputs;
  std::size_t bytes = 0;
  jq_state* jq = program_->jq;
  program_->errors.clear();
  jq_start(jq, *document, 0);
  while (true) {
    jv value = jq_next(jq);
    if (!jv_is_valid(value)) {
      if (jq_halted(jq)) {
        jv_free(value);
        return bad_input("", "adapter " + program_->name + " halted");
      }
      if (jv_invalid_has_msg(jv_copy(value))) {
        return bad_input("", "adapter " + program_->name + ": " + message_of(value));
      }
      jv_free(value);
      return outputs;
    }
    Result<AdapterOutput> output = program_->take(value);
    if (!output) return tl::make_unexpected(output.error());
    bytes += output->event.size() + output->skip.size();
    outputs.push_back(std::move(*output));
    if (outputs.size() > kAdapterOutputs_max) {
      return bad_input("", "adapter " + program_->name + " yielded more than 1000 events for one document");
    }
    if (bytes > kAdapterBytes_max) {
      return bad_input("", "adapter " + program_->name + " yielded more than 16 MiB for one document");
    }
  }
}

Result<std::string> find_adapter(const std::string& name_or_file, const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  bool is_file = name_or_file.ends_with(".jq");
  bool plain =
      !name_or_file.empty() && name_or_file.find_first_of("/\\") == std::string::npos && name_or_file[0] != '.';
  if (is_file && fs::is_regular_file(name_or_file, ignored)) return name_or_file;
  if (plain) {
    fs::path file = fs::path(folder) / (is_file ? name_or_file : name_or_file + ".jq");
    if (fs::is_regular_file(file, ignored)) return file.string();
  }
  if (is_file && !plain) return bad_configuration("", "there is no file '" + name_or_file + "'");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".jq") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return bad_configuration(
      "", "no adapter '" + name_or_file + "' in " + folder + (list.empty() ? "" : "; there are " + list));
}

}  // namespace echoloop
