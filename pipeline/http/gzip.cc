#include "pipeline/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "pipeline/http/message.h"

namespace echoloop::http {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, gzip header and trailer
constexpr int kLevel = 5;
constexpr std::size_t kStep_bytes = 64u << 10;

Bytef* input(std::string_view bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); }

// Lets zlib write up to `room` bytes at the end of `out`.
template <class Call>
int step(z_stream& z, std::string& out, std::size_t room, Call call) {
  auto old = out.size();
  out.resize(old + room);
  z.next_out = reinterpret_cast<Bytef*>(out.data() + old);
  z.avail_out = static_cast<uInt>(room);
  int status = call();
  out.resize(out.size() - z.avail_out);
  return status;
}

struct Inflater {
  z_stream z{};
  Inflater() {
    if (inflateInit2(&z, kGzipWindow) != Z_OK) throw std::bad_alloc{};
  }
  ~Inflater() { inflateEnd(&z); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

}  // namespace

struct GzipStream::State {
  z_stream z{};
  State() {
    if (deflateInit2(&z, kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc{};
  }
  ~State() { deflateEnd(&z); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void run(std::string_view bytes, int flush, std::string& out) {
    do {
      auto part = bytes.substr(0, std::numeric_limits<uInt>::max() / 2);
      bytes.remove_prefix(part.size());
      z.next_in = input(part);
      z.avail_in = static_cast<uInt>(part.size());
      do {
        step(z, out, kStep_bytes, [&] { return deflate(&z, bytes.empty() ? flush : Z_NO_FLUSH); });
      } while (z.avail_out == 0);
    } while (!bytes.empty());
  }
};

Result<Gunzip> gunzip(std::string_view bytes, std::size_t max_bytes, std::string& out) {
  Inflater inflater;
  auto& z = inflater.z;
  std::size_t most = out.size() + max_bytes;
  z.next_in = input(bytes);
  z.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    // One byte more than allowed tells a body of exactly the limit from a larger one.
    auto room = std::min(kStep_bytes, most - out.size() + 1);
    int status = step(z, out, room, [&] { return inflate(&z, Z_NO_FLUSH); });
    if (out.size() > most) return Gunzip::too_large;
    if (status == Z_STREAM_END) {
      if (z.avail_in == 0) return Gunzip::whole;
      if (inflateReset(&z) != Z_OK) return bad_input("", "damaged gzip data");
      continue;
    }
    if (status == Z_MEM_ERROR) throw std::bad_alloc{};
    if (status == Z_BUF_ERROR || (status == Z_OK && z.avail_in == 0 && z.avail_out > 0)) {
      return bad_input("", "gzip data ends too early");
    }
    if (status != Z_OK) return bad_input("", "damaged gzip data");
  }
}

std::string gzip(std::string_view bytes) {
  GzipStream stream;
  std::string out;
  stream.write(bytes, out);
  stream.finish(out);
  return out;
}

GzipStream::GzipStream() : state_(std::make_unique<State>()) {}
GzipStream::~GzipStream() = default;
GzipStream::GzipStream(GzipStream&&) noexcept = default;
GzipStream& GzipStream::operator=(GzipStream&&) noexcept = default;

void GzipStream::write(std::string_view bytes, std::string& out) { state_->run(bytes, Z_NO_FLUSH, out); }
void GzipStream::finish(std::string& out) { state_->run({}, Z_FINISH, out); }

bool accepts_gzip(std::string_view accept_encoding) {
  bool star = false;
  while (!accept_encoding.empty()) {
    auto comma = std::min(accept_encoding.find(','), accept_encoding.size());
    auto part = trimmed(accept_encoding.substr(0, comma));
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    auto semicolon = std::min(part.find(';'), part.size());
    auto coding = trimmed(part.substr(0, semicolon));
    auto weight = trimmed(part.substr(std::min(semicolon + 1, part.size())));
    // Refused only by q=0, q=0.0, q=0.00, q=0.000.
    bool refused = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos;
    if (same_ignoring_case(coding, "gzip") || same_ignoring_case(coding, "x-gzip")) return !refused;
    if (coding == "*") star = !refused;
  }
  return star;
}

}  // namespace echoloop::http
