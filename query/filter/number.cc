#include "query/filter/number.h"

#include <fmt/format.h>

namespace kith {

std::string to_text(const FilterNumber& number) {
  return std::visit([](auto value) { return fmt::format("{}", value); }, normal_number(number));
}

}  // namespace kith
