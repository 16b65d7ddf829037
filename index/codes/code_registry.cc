#include <array>

#include "index/codes/half_code.h"
#include "index/codes/pq_code.h"
#include "index/codes/rabitq_code.h"
#include "index/codes/sq_code.h"
#include "index/codes/vector_code.h"

namespace kith {
namespace {

constexpr std::array<const CodeKind*, 8> kKinds = {
    &kFp16Kind, &kBf16Kind, &kSq8Kind, &kSq4Kind, &kLvq4x8Kind, &kRabitqKind, &kPqKind, &kOpqKind,
};

}  // namespace

std::span<const CodeKind* const> code_kinds() {
  return kKinds;
}

Result<const CodeKind*> find_code_kind(std::string_view name) {
  std::string names;
  for (const CodeKind* kind : kKinds) {
    if (kind->name == name) return kind;
    names += names.empty() ? kind->name : fmt::format(", {}", kind->name);
  }
  return not_found("no code '{}'; there are: {}", name, names);
}

}  // namespace kith
