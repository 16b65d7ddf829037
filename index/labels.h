// Labels: a few numbers that a row carries (tags, tenants, one for each value of each attribute) and what a
// search may ask of them, for kinds whose edges know them: IndexKind::add_labeled, SearchRequest::labels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace kith {

using Label = uint32_t;
/// Ascending, each once, at most kRowLabelsMax of them.
using LabelSet = std::vector<Label>;
inline constexpr size_t kRowLabelsMax = 64;
/// No label: option values and tables use it for none.
inline constexpr Label kNoLabel = 0xffffffffu;

enum class LabelMatch : uint8_t {
  kAny,    // one of the labels asked for, or more: of none, no row
  kAll,    // all of them: of none, every row
  kEqual,  // these labels and no others
};

struct LabelQuery {
  LabelMatch match = LabelMatch::kAny;
  LabelSet labels;
};

/// InvalidArgument unless it is a LabelSet.
Result<void> check_labels(std::span<const Label> labels);

}  // namespace kith
