#include "query/columns/truth.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace kith {

RowSet Truth::possible() const {
  RowSet rows = yes;
  if (!perhaps.empty()) rows.unite(perhaps);
  return rows;
}

void Truth::add_perhaps(const RowSet& more) {
  if (more.empty()) return;
  perhaps.unite(more);
  perhaps.subtract(yes);
}

void Truth::intersect(const Truth& other) {
  if (perhaps.empty() && other.perhaps.empty()) return yes.intersect(other.yes);
  RowSet rows = possible();
  rows.intersect(other.possible());
  yes.intersect(other.yes);
  rows.subtract(yes);
  perhaps = std::move(rows);
}

void Truth::unite(const Truth& other) {
  yes.unite(other.yes);
  if (perhaps.empty() && other.perhaps.empty()) return;
  perhaps.unite(other.perhaps);
  perhaps.subtract(yes);
}

Truth negate(const Truth& truth, const RowSet& live) {
  Truth out{live, truth.perhaps};
  out.yes.subtract(truth.yes);
  if (out.perhaps.empty()) return out;
  out.yes.subtract(truth.perhaps);
  out.perhaps.intersect(live);
  return out;
}

/// Every row's count in binary, a set for each bit; a part is added as by hand, with carries.
RowSet at_least(uint32_t min, std::span<const RowSet> parts) {
  CHECK(min >= 1);
  std::vector<RowSet> bits;
  RowSet same;  // rows whose higher bits are those of min - 1
  for (const RowSet& part : parts) {
    same.unite(part);
    RowSet carry = part;
    for (RowSet& bit : bits) {
      if (carry.empty()) break;
      RowSet next = bit;
      next.intersect(carry);
      bit.unite(carry);
      bit.subtract(next);
      carry = std::move(next);
    }
    if (!carry.empty()) bits.push_back(std::move(carry));
  }
  const uint64_t less = uint64_t{min} - 1;
  if (bits.size() < 64 && less >> bits.size() != 0) return {};
  RowSet more;
  for (size_t i = bits.size(); i-- > 0;) {
    if ((less >> i & 1) != 0) {
      same.intersect(bits[i]);
    } else {
      RowSet above = same;
      above.intersect(bits[i]);
      more.unite(above);
      same.subtract(bits[i]);
    }
  }
  return more;
}

Truth at_least(uint32_t min, std::span<const Truth> parts) {
  std::vector<RowSet> rows;
  rows.reserve(parts.size());
  for (const Truth& part : parts) rows.push_back(part.yes);
  Truth out{at_least(min, rows), {}};
  if (std::all_of(parts.begin(), parts.end(), [](const Truth& part) { return part.perhaps.empty(); }))
    return out;
  for (size_t i = 0; i < parts.size(); ++i) rows[i] = parts[i].possible();
  out.add_perhaps(at_least(min, rows));
  return out;
}

}  // namespace kith
