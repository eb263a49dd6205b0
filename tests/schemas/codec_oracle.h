// A second opinion on which documents are events, made without the codec: nlohmann's parser, valijson with the
// published schemas, and the semantic checks stated once more over nlohmann::json.
#pragma once

#include <string>
#include <string_view>

namespace echoloop::test {

// Empty when the document is an event; else the name of the check that refuses it ("syntax", "schema", or a name of
// semantic_checks()).
std::string refused_by(std::string_view text);

}  // namespace echoloop::test
