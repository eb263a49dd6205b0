#include "pipeline/delivery/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace echoloop::delivery {
namespace {

constexpr long kConnect_ms = 10'000, kWhole_ms = 20'000;
constexpr std::size_t kAnswer_max = 64u << 10;

struct Network {
  std::uint32_t base;
  int bits;
};
constexpr Network kSpecial[] = {{0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0x7F000000, 8},
                                {0xA9FE0000, 16}, {0xAC100000, 12}, {0xC0000000, 24}, {0xC0000200, 24},
                                {0xC0586300, 24}, {0xC0A80000, 16}, {0xC6120000, 15}, {0xC6336400, 24},
                                {0xCB007100, 24}, {0xE0000000, 4},  {0xF0000000, 4}};

bool is_public(std::uint32_t v4) {
  return std::none_of(std::begin(kSpecial), std::end(kSpecial),
                      [&](const Network& one) { return (v4 ^ one.base) >> (32 - one.bits) == 0; });
}

std::uint32_t v4_at(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_public(const in6_addr& v6) {
  const unsigned char* b = v6.s6_addr;
  constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  constexpr std::array<unsigned char, 12> kTranslated{0, 0x64, 0xFF, 0x9B};
  if (std::memcmp(b, kMapped.data(), 12) == 0 || std::memcmp(b, kTranslated.data(), 12) == 0)
    return is_public(v4_at(b + 12));
  if (b[0] == 0x20 && b[1] == 0x02) return is_public(v4_at(b + 2));  // 6to4
  // Global unicast, 2000::/3, but for documentation and Teredo.
  return (b[0] & 0xE0) == 0x20 && !(b[0] == 0x20 && b[1] == 0x01 && (b[2] == 0x0D || (b[2] == 0 && b[3] == 0)));
}

// Where a request may go to.
struct Reach {
  const bool private_network;
  bool refused = false;
};

curl_socket_t open_socket(void* given, curlsocktype, curl_sockaddr* address) {
  auto& reach = *static_cast<Reach*>(given);
  if (!reach.private_network && !delivery::is_public(address->addr)) {
    reach.refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* out) {
  auto& text = *static_cast<std::string*>(out);
  text.append(bytes, std::min(size * count, kAnswer_max - text.size()));
  return text.size() < kAnswer_max ? size * count : 0;
}

int look(void* given_up, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return *static_cast<const std::atomic<bool>*>(given_up) ? 1 : 0;
}

struct Rest {
  std::string_view left;
};
std::size_t give(char* bytes, std::size_t size, std::size_t count, void* from) {
  auto& rest = static_cast<Rest*>(from)->left;
  const std::size_t n = std::min(size * count, rest.size());
  std::memcpy(bytes, rest.data(), n);
  rest.remove_prefix(n);
  return n;
}

struct List {
  curl_slist* first = nullptr;
  ~List() { curl_slist_free_all(first); }
  void add(const std::string& text) { first = curl_slist_append(first, text.c_str()); }
};

}  // namespace

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return is_public(v6.sin6_addr);
}

struct Client::Handle {
  CURL* curl = curl_easy_init();
  ~Handle() { curl_easy_cleanup(curl); }
};

Client::Client() : handle_(std::make_unique<Handle>()) {}
Client::~Client() = default;

Answer Client::send(const Request& request, bool private_network) {
  CURL* curl = handle_->curl;
  Answer out;
  List headers, recipients;
  Rest rest{request.body};
  Reach reach{private_network};
  std::array<char, CURL_ERROR_SIZE> error{};
  const bool mail = !request.to.empty();
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, mail ? "smtp,smtps" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // a proxy would resolve names out of our sight
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnect_ms);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kWhole_ms);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &reach);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &given_up_);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out.body);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "echoloop");
  if (!request.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, request.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, request.password.c_str());
  }
  if (mail) {
    for (const std::string& one : request.to) recipients.add(one);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, static_cast<long>(request.user.empty() ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, request.from.c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.first);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, &rest);
  } else {
    for (const std::string& one : request.headers) headers.add(one);
    headers.add("Expect:");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.first);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
  }
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  // An answer that is too long was cut, and what it says is in its status.
  const bool cut = code == CURLE_WRITE_ERROR && out.body.size() >= kAnswer_max;
  if (code != CURLE_OK && !cut && !mail) status = 0;
  out.status = static_cast<int>(status);
  if (code != CURLE_OK && !cut) out.error = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
  if (code == CURLE_ABORTED_BY_CALLBACK)
    out.error = "given up by echoloop: it stops, or the endpoint was configured anew";
  if (code == CURLE_COULDNT_CONNECT && reach.refused)
    out.error += "; addresses that are not public are reached with private_network: true only";
  if (mail) {
    // Replies of a mail server: 2.. is good, 4.. comes again later, 5.. refuses.
    out.status = code == CURLE_OK ? 200 : status >= 500 && status < 600 ? 422 : 503;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_OPERATION_TIMEDOUT)
      out.status = 0;
  }
  curl_off_t retry_after = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK && retry_after > 0)
    out.retry_after = Duration{std::min<std::int64_t>(retry_after, 86'400) * kSecond_ms};
  return out;
}

}  // namespace echoloop::delivery
