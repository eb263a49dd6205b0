#include "pipeline/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace echoloop {
namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

const EVP_MD* algorithm_of(Digest digest) {
  return digest == Digest::md5 ? EVP_md5() : digest == Digest::sha1 ? EVP_sha1() : EVP_sha256();
}

}  // namespace

std::string digest_of(Digest digest, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const int done = EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                              algorithm_of(digest), nullptr);
  out.resize(done == 1 ? size : 0);
  return out;
}

std::string hmac_of(Digest digest, std::string_view secret, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const auto* done = HMAC(algorithm_of(digest), secret.data(), static_cast<int>(secret.size()), bytes_of(text),
                          text.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
  out.resize(done != nullptr ? size : 0);
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the NUL that it writes
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes), static_cast<int>(bytes.size()))));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  out.resize(out.size() - padding);
  if (to_base64(out) != text) return std::nullopt;
  return out;
}

}  // namespace echoloop
