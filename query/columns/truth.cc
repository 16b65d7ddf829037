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

void RowCounter::add(const RowSet& rows) {
  any_.unite(rows);
  RowSet carry = rows;
  for (RowSet& bit : bits_) {
    if (carry.empty()) return;
    RowSet next = bit;
    next.intersect(carry);
    bit.unite(carry);
    bit.subtract(next);
    carry = std::move(next);
  }
  if (!carry.empty()) bits_.push_back(std::move(carry));
}

RowSet RowCounter::at_least(uint32_t min) const {
  CHECK(min >= 1);
  const uint64_t less = uint64_t{min} - 1;
  if (bits_.size() < 64 && less >> bits_.size() != 0) return {};
  RowSet same = any_;  // rows whose higher bits are those of min - 1
  RowSet more;
  for (size_t i = bits_.size(); i-- > 0;) {
    if ((less >> i & 1) != 0) {
      same.intersect(bits_[i]);
    } else {
      RowSet above = same;
      above.intersect(bits_[i]);
      more.unite(above);
      same.subtract(bits_[i]);
    }
  }
  return more;
}

}  // namespace kith
