#include "processors/insight/evidence.h"

#include <algorithm>
#include <set>

#include "pipeline/base/bytes.h"

namespace echoloop::insight {
namespace {

std::string row_key(std::string_view window, std::uint64_t number) {
  std::string key{window};
  put_key_u64(key, number);
  return key;
}

void put_change(std::string& row, std::string_view session, bool present) {
  row.push_back(present ? 1 : 0);
  put_text(row, session);
}

}  // namespace

void Evidence::change(std::string_view key, bool present) {
  const std::size_t window_bytes = aggregates::evidence_window_bytes(key);
  auto [changes, fresh] = changes_.try_emplace(key.substr(0, window_bytes));
  changes->second.emplace_back(KeyReader{key.substr(window_bytes)}.text(), present);
}

void Evidence::end_epoch(std::uint64_t number, stage::Context& context) {
  if (kept_.size() > kWindows_max) kept_.clear();
  for (auto& [window, changes] : changes_) {
    std::string row;
    for (const auto& [session, present] : changes) put_change(row, session, present);
    context.put(stage::Table::evidence, row_key(window, number), std::move(row));
    auto kept = kept_.find(window);
    if (kept == kept_.end()) continue;
    for (auto& [session, present] : changes) {
      const std::uint64_t hash = hash64(session);
      follow(kept->second, {hash, std::move(session)}, present);
    }
    if (!kept->second.all && kept->second.first.size() < kSample_max) kept_.erase(kept);  // who comes next is not known
  }
  changes_.clear();
}

void Evidence::follow(Kept& kept, Session session, bool present) const {
  if (!present) {
    kept.first.erase(session);
  } else if (kept.all || (!kept.first.empty() && session < *kept.first.rbegin())) {
    kept.first.insert(std::move(session));
    if (kept.first.size() <= kKept_max) return;
    kept.first.erase(std::prev(kept.first.end()));
    kept.all = false;
  }
}

// The last word on a session counts, so the rows are read from the newest.
Evidence::Kept Evidence::read(const std::string& window, stage::Context& context) {
  std::vector<std::string> rows, oldest;
  Kept kept;
  context.scan(stage::Table::evidence, window, prefix_end(window).value_or(""),
               [&](std::string_view key, std::string_view row) {
                 if (!row.empty()) {
                   rows.emplace_back(row);
                   return true;
                 }
                 // A row for each session, as echoloop 0.1 wrote them.
                 KeyReader reader{key.substr(window.size())};
                 reader.u64();  // the hash
                 put_change(oldest.emplace_back(), reader.text(), true);
                 return true;
               });
  rows.insert(rows.begin(), oldest.begin(), oldest.end());
  std::set<std::string, std::less<>> gone;
  std::vector<std::pair<std::string_view, bool>> changes;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    changes.clear();
    for (Reader reader{*row}; reader.ok() && !reader.done();) {
      const bool present = reader.byte() != 0;
      changes.emplace_back(reader.text(), present);
      if (!reader.ok()) throw stage::BrokenWorld({Fault::world, "table evidence", "a row that cannot be read"});
    }
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
      const auto& [session, present] = *change;
      if (!present) {
        gone.emplace(session);
      } else if (!gone.contains(session)) {
        kept.first.emplace(hash64(session), session);
        if (kept.first.size() > kKept_max) {
          kept.first.erase(std::prev(kept.first.end()));
          kept.all = false;
        }
      }
    }
  }
  return kept;
}

std::vector<std::string> Evidence::sample(const std::string& window, stage::Context& context) {
  auto kept = kept_.find(window);
  if (kept == kept_.end()) kept = kept_.emplace(window, read(window, context)).first;
  std::vector<std::string> out;
  for (const auto& [hash, session] : kept->second.first) {
    if (out.size() == kSample_max) break;
    out.push_back(session);
  }
  return out;
}

}  // namespace echoloop::insight
