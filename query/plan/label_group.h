// LabelGroup: labels that about one share of an index's rows match, and which rows those are: what the plan
// that walks for labels is measured with.
#pragma once

#include <vector>

#include "base/row_set.h"
#include "index/index.h"

namespace kith {

struct LabeledRows {
  LabelQuery labels;
  RowSet rows;  // live ones
};
using LabelGroup = std::vector<LabeledRows>;  // not empty

}  // namespace kith
