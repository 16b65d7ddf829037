#include "tests/support/linearizability.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/check.h"

namespace kith::test {
namespace {

using Kind = KeyOperation::Kind;

struct Configuration {
  uint64_t value;
  uint64_t happened;  // bits of open operations
  friend auto operator<=>(const Configuration&, const Configuration&) = default;
};

/// The value after a write or an erase where the key has `before`; none where the answer cannot be.
std::optional<uint64_t> step(const KeyOperation& operation, uint64_t before) {
  if (operation.answered && operation.existed.has_value() && *operation.existed != (before != 0)) return {};
  return operation.kind == Kind::kWrite ? operation.value : 0;
}

class Checker {
 public:
  explicit Checker(uint64_t first) : configurations_{{first, 0}} {}

  void begin(const KeyOperation& operation) {
    const uint64_t free = ~used_;
    CHECK(free != 0);
    const auto slot = static_cast<size_t>(__builtin_ctzll(free));
    used_ |= uint64_t{1} << slot;
    open_[slot] = &operation;
    if (operation.kind != Kind::kRead) return;
    reads_ |= uint64_t{1} << slot;
    for (Configuration& each : configurations_) each = read_now(each);
  }

  /// False when nothing explains the answer.
  bool end(const KeyOperation& operation) {
    const auto slot = static_cast<size_t>(std::find(open_, open_ + 64, &operation) - open_);
    const uint64_t bit = uint64_t{1} << slot;
    let_happen(bit);
    if (operation.answered) {  // else both stay
      last_.assign(configurations_.begin(), configurations_.end());
      std::erase_if(configurations_, [bit](const Configuration& each) { return (each.happened & bit) == 0; });
    }
    used_ &= ~bit;
    reads_ &= ~bit;
    open_[slot] = nullptr;
    for (Configuration& each : configurations_) each.happened &= ~bit;
    forget_doubles();
    return !configurations_.empty();
  }

  /// What the key could hold at the end of the last operation that was answered.
  std::string last_values() const {
    std::set<uint64_t> values;
    for (const Configuration& each : last_) values.insert(each.value);
    return fmt::format(" {}", fmt::join(values, " "));
  }

 private:
  /// Adds what becomes of each configuration where `wanted` has not happened yet when it does, with any open
  /// operations before it.
  void let_happen(uint64_t wanted) {
    for (size_t i = 0; i < configurations_.size(); ++i) {
      const Configuration from = configurations_[i];
      if ((from.happened & wanted) != 0) continue;
      for (uint64_t left = used_ & ~reads_ & ~from.happened; left != 0; left &= left - 1) {
        const auto slot = static_cast<size_t>(__builtin_ctzll(left));
        const std::optional<uint64_t> value = step(*open_[slot], from.value);
        if (!value.has_value()) continue;
        const Configuration next = read_now({*value, from.happened | uint64_t{1} << slot});
        if (std::ranges::find(configurations_, next) == configurations_.end())
          configurations_.push_back(next);
      }
    }
  }
  /// A read changes nothing: it may as well happen as soon as its answer is right.
  Configuration read_now(Configuration now) const {
    for (uint64_t left = reads_ & ~now.happened; left != 0; left &= left - 1) {
      const auto slot = static_cast<size_t>(__builtin_ctzll(left));
      if (open_[slot]->value == now.value) now.happened |= uint64_t{1} << slot;
    }
    return now;
  }
  void forget_doubles() {
    std::ranges::sort(configurations_);
    configurations_.erase(std::unique(configurations_.begin(), configurations_.end()), configurations_.end());
  }

  std::vector<Configuration> configurations_;
  std::vector<Configuration> last_;
  uint64_t used_ = 0;
  uint64_t reads_ = 0;  // of used_
  const KeyOperation* open_[64] = {};
};

}  // namespace

std::string to_string(const KeyOperation& operation) {
  constexpr const char* kNames[] = {"write", "erase", "read"};
  std::string text = fmt::format("{} {} in [{}, {}]", kNames[static_cast<size_t>(operation.kind)],
                                 operation.value, operation.begin, operation.end);
  if (operation.existed.has_value()) text += *operation.existed ? ", was there" : ", was not there";
  if (!operation.answered) text += ", unanswered";
  return text;
}

std::optional<std::string> find_violation(std::span<const KeyOperation> history, uint64_t first) {
  struct Event {
    uint64_t moment;
    bool is_end;  // begins come first: operations that touch overlap
    const KeyOperation* operation;
  };
  std::vector<Event> events;
  for (const KeyOperation& operation : history) {
    CHECK(operation.begin <= operation.end && (operation.answered || operation.kind != Kind::kRead));
    events.push_back({operation.begin, false, &operation});
    if (operation.end != KeyOperation::kNever) events.push_back({operation.end, true, &operation});
  }
  std::ranges::sort(events, [](const Event& a, const Event& b) {
    return a.moment != b.moment ? a.moment < b.moment : a.is_end < b.is_end;
  });
  Checker checker(first);
  for (const Event& event : events) {
    if (!event.is_end) {
      checker.begin(*event.operation);
      continue;
    }
    if (checker.end(*event.operation)) continue;
    return fmt::format("{}: the key could only hold{}", to_string(*event.operation), checker.last_values());
  }
  return {};
}

}  // namespace kith::test
