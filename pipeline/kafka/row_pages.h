// Rows of a shard as one member hands them to another, a page at a time, as they stood when the first page was read.
//
// GET /internal/v1/rows?table=&shard=&from=HEX&to=HEX&view=: a page: 1 when there is more, the name of the view that it
// was read from, then key and value texts in the order of keys. `view` names that of an earlier page; without it, the
// rows are as they are now. A view lives for a minute after its last page when it is asked for with keep=1, else until
// the last page of its scan, or for ten seconds.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/stage/store.h"

namespace echoloop::kafka {

inline constexpr std::string_view kRows_path = "/internal/v1/rows";
inline constexpr std::size_t kPage_bytes = 1u << 20;

struct Page {
  bool more = false;
  std::string view;
  std::string rows;  // key text, value text …
};
std::string encode(const Page& page);
// Visits rows until `visit` has enough; answers false when that was so. Error (away): it is no page.
struct PageHead {
  bool more = false;
  std::string view, last_key;
  bool going = true;  // the visitor wants more
};
Result<PageHead> visit_page(std::string_view bytes, const stage::RowVisitor& visit);

}  // namespace echoloop::kafka
