#include "index/labels.h"

#include <algorithm>

namespace kith {

Result<void> check_labels(std::span<const Label> labels) {
  if (labels.size() > kRowLabelsMax)
    return invalid_argument("{} labels; at most {} are taken", labels.size(), kRowLabelsMax);
  const auto wrong = std::adjacent_find(labels.begin(), labels.end(), std::greater_equal<>());
  if (wrong != labels.end())
    return invalid_argument("label {} stands before label {}; give them ascending, each once", wrong[0],
                            wrong[1]);
  if (!labels.empty() && labels.back() == kNoLabel) return invalid_argument("{} is no label", kNoLabel);
  return {};
}

}  // namespace kith
