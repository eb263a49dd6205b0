#include "tests/stages/configuration.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace echoloop::stages {

DomainTexts small_house() {
  DomainTexts out;
  const std::filesystem::path folder = std::filesystem::path{ECHOLOOP_SOURCE_DIR} / "tests/behaviour/config";
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream in{entry.path(), std::ios::binary};
    out.emplace(entry.path().filename().string(), std::string{std::istreambuf_iterator<char>{in}, {}});
  }
  return out;
}

std::shared_ptr<const Domain> loaded(const DomainTexts& texts, bool strict_tenants, Duration session_retention) {
  auto domain = load_domain(texts);
  if (!domain) throw std::runtime_error(text_of(domain.error()));
  domain->strict_tenants = strict_tenants;
  domain->session_retention = session_retention;
  return std::make_shared<Domain>(std::move(*domain));
}

}  // namespace echoloop::stages
