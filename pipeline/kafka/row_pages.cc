#include "pipeline/kafka/row_pages.h"

#include "pipeline/base/bytes.h"
#include "pipeline/kafka/client.h"

namespace echoloop::kafka {

std::string encode(const Page& page) {
  std::string out;
  out.reserve(page.rows.size() + page.view.size() + 8);
  out.push_back(page.more ? 1 : 0);
  put_text(out, page.view);
  return out += page.rows;
}

Result<PageHead> visit_page(std::string_view bytes, const stage::RowVisitor& visit) {
  Reader reader{bytes};
  PageHead out;
  out.more = reader.byte() != 0;
  out.view = reader.text();
  while (reader.ok() && !reader.rest().empty() && out.going) {
    const std::string_view key = reader.text(), value = reader.text();
    if (!reader.ok()) break;
    out.last_key = key;
    out.going = visit(key, value);
  }
  if (!reader.ok()) return away("reading rows of another member", "it answers something else");
  return out;
}

}  // namespace echoloop::kafka
