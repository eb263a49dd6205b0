// The codec against simdjson on the same bytes.
//
//     ./dev bench codec [FILE.ndjson]      without a file: the built-in sample
//
// Raw on-demand parsing reads every key and value of a document in its type and keeps nothing: no checks of schema,
// duplicate keys or depth, no times or scores understood. The codec does all of that and gives an Event.
#include <fmt/format.h>
#include <simdjson.h>

#include <iostream>

#include "bench/input.h"
#include "bench/side_by_side.h"
#include "schemas/codec.h"

namespace {

using namespace echoloop;
namespace ondemand = simdjson::ondemand;

// The part of the on-demand parser that is compiled into this program; the rest is what simdjson chose for this
// machine.
#define ECHOLOOP_TEXT(name) ECHOLOOP_TEXT_OF(name)
#define ECHOLOOP_TEXT_OF(name) #name
constexpr const char* kKernel = ECHOLOOP_TEXT(SIMDJSON_BUILTIN_IMPLEMENTATION);

constexpr int kRounds = 15;
std::uint64_t touched = 0;  // so that nothing is left out

void read_all(ondemand::value value) {
  switch (value.type()) {
    case ondemand::json_type::object:
      for (auto field : value.get_object()) {
        touched += std::string_view(field.unescaped_key()).size();
        read_all(field.value());
      }
      break;
    case ondemand::json_type::array:
      for (auto element : value.get_array()) read_all(element.value());
      break;
    case ondemand::json_type::string:
      touched += std::string_view(value.get_string()).size();
      break;
    case ondemand::json_type::number:
      touched += static_cast<std::uint64_t>(double(value.get_number().value().as_double()));
      break;
    case ondemand::json_type::boolean:
      touched += bool(value.get_bool());
      break;
    case ondemand::json_type::null:
      break;
  }
}

// Documents behind one another, room for simdjson's reading ahead at the end.
struct Documents {
  simdjson::padded_string bytes;
  std::vector<std::string_view> lines;
};

Documents documents_of(const std::string& text) {
  Documents out{simdjson::padded_string{text}, {}};
  for_each_line(std::string_view(out.bytes), [&](std::size_t, std::string_view line) { out.lines.push_back(line); });
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const Documents documents = documents_of(bench::input(argc, argv));
  if (documents.lines.empty()) {
    std::cerr << "no documents\n";
    return 1;
  }

  ondemand::parser ondemand_parser;
  simdjson::dom::parser dom_parser;
  EventDecoder decoder;
  std::size_t refused = 0;
  std::vector<bench::Side> sides = {
      {"raw on-demand",
       [&] {
         for (std::string_view line : documents.lines) {
           const auto room = static_cast<std::size_t>(documents.bytes.data() + documents.bytes.size() - line.data()) +
                             simdjson::SIMDJSON_PADDING;
           ondemand::document document = ondemand_parser.iterate(line.data(), line.size(), room);
           read_all(ondemand::value(document));
         }
       }},
      {"raw DOM",
       [&] {
         for (std::string_view line : documents.lines)
           touched += dom_parser.parse(line.data(), line.size(), false).type() == simdjson::dom::element_type::OBJECT;
       }},
      {"codec",
       [&] {
         for (std::string_view line : documents.lines) refused += !decoder.decode(line);
       }},
  };
  bench::run_in_turn(sides, kRounds);
  const double megabytes = static_cast<double>(documents.bytes.size()) / 1e6;
  const double events = static_cast<double>(documents.lines.size());
  fmt::print("{} documents, {:.0f} bytes each, {} refused; best of {} rounds in turn; kernels: {} on demand, {} DOM\n",
             documents.lines.size(), megabytes * 1e6 / events, refused, kRounds, kKernel,
             simdjson::get_active_implementation()->name());
  for (const bench::Side& side : sides) {
    fmt::print("{:14} {:8.1f} MB/s {:8.3f} M events/s {:8.0f} ns/event {:6.0f} % of raw on-demand\n", side.name,
               megabytes / side.best_s(), events / side.best_s() / 1e6, side.best_s() / events * 1e9,
               100 * sides.front().best_s() / side.best_s());
  }
  return touched == 0;
}
