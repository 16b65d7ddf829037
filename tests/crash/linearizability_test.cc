// Goal: the checker accepts every history that is linearizable and no other, and is fast enough for millions
// of operations. Method: against a search through all orders on small random histories; long histories made
// by operations that really happen at one moment, and the same with one answer made impossible; the seed is
// printed.
#include "tests/support/linearizability.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "base/random.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

using Kind = KeyOperation::Kind;

/// Whether some order of `left` from `value` on explains all answers; unanswered ones may be left out.
bool explained(std::vector<KeyOperation> left, uint64_t value) {
  if (std::ranges::none_of(left, &KeyOperation::answered)) return true;
  for (size_t i = 0; i < left.size(); ++i) {
    const KeyOperation next = left[i];
    // Who ended before this one began happened before it, unless it never did.
    if (std::ranges::any_of(left,
                            [&](const KeyOperation& each) { return each.answered && each.end < next.begin; }))
      continue;
    if (next.kind == Kind::kRead && next.value != value) continue;
    if (next.answered && next.existed.has_value() && *next.existed != (value != 0)) continue;
    std::vector<KeyOperation> rest = left;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(i));
    // An unanswered one that ended before this began can no longer happen.
    std::erase_if(rest, [&](const KeyOperation& each) { return !each.answered && each.end < next.begin; });
    const uint64_t after = next.kind == Kind::kRead ? value : next.kind == Kind::kWrite ? next.value : 0;
    if (explained(std::move(rest), after)) return true;
  }
  return false;
}

KeyOperation random_operation(Random& random, uint64_t moments) {
  KeyOperation out;
  out.kind = static_cast<Kind>(random.below(3));
  out.value = out.kind == Kind::kErase ? 0 : random.below(4);
  if (out.kind == Kind::kWrite) out.value += 1;
  out.begin = random.below(moments);
  out.end = out.begin + random.below(moments - out.begin) + 1;
  if (out.kind != Kind::kRead) {
    if (random.below(2) == 0) out.existed = random.below(2) == 0;
    out.answered = random.below(4) != 0;
    if (!out.answered && random.below(2) == 0) out.end = KeyOperation::kNever;
  }
  return out;
}

TEST(Linearizability, SaysWhatASearchThroughAllOrdersSays) {
  const uint64_t seed = test_seed();
  Random random(seed);
  int possible = 0;
  constexpr int kHistories = 20'000;
  for (int i = 0; i < kHistories; ++i) {
    std::vector<KeyOperation> history;
    for (uint64_t n = 1 + random.below(6); n > 0; --n)
      history.push_back(random_operation(random, 4 + random.below(12)));
    std::string text;
    for (const KeyOperation& each : history) text += "\n" + to_string(each);
    const bool expected = explained(history, 0);
    possible += expected;
    ASSERT_EQ(!find_violation(history).has_value(), expected) << "KITH_SEED=" << seed << text;
  }
  EXPECT_GT(possible, kHistories / 10);
  EXPECT_LT(possible, kHistories * 9 / 10);
}

/// `clients` working on one key that really is atomic: what they do happens at one moment between begin and
/// end. Values are unique.
std::vector<KeyOperation> true_history(Random& random, size_t operations, size_t clients) {
  std::vector<KeyOperation> history;
  std::vector<KeyOperation> open(clients);
  std::vector<int> state(clients, 0);  // 0: idle, 1: begun, 2: happened
  uint64_t moment = 0, value = 0;
  while (history.size() < operations) {
    const size_t client = random.below(clients);
    KeyOperation& each = open[client];
    ++moment;
    if (state[client] == 0) {
      each = {};
      each.kind = static_cast<Kind>(random.below(3));
      each.begin = moment;
      each.value = each.kind == Kind::kWrite ? moment : 0;
      each.answered = each.kind == Kind::kRead || random.below(50) != 0;
      if (!each.answered && random.below(2) == 0) {  // and never happens
        each.end = moment + 10;
        history.push_back(each);
        continue;
      }
    } else if (state[client] == 1) {
      if (each.kind != Kind::kRead) each.existed = value != 0;
      if (each.kind != Kind::kRead) value = each.value;
      if (each.kind == Kind::kRead) each.value = value;
    } else {
      each.end = moment;
      history.push_back(each);
    }
    state[client] = (state[client] + 1) % 3;
  }
  for (size_t client = 0; client < clients; ++client) {  // those still open
    open[client].end = ++moment;
    if (state[client] == 2) history.push_back(open[client]);
  }
  return history;
}

/// One read then sees a value that it cannot: of a write that had surely been replaced before it began, or
/// that began after it ended. False where there is none of that kind.
bool corrupt(std::vector<KeyOperation>& history, Random& random) {
  std::vector<KeyOperation*> reads;
  for (KeyOperation& each : history)
    if (each.kind == Kind::kRead) reads.push_back(&each);
  if (reads.empty()) return false;
  KeyOperation& read = *reads[random.below(reads.size())];
  std::vector<uint64_t> impossible;
  for (const KeyOperation& write : history) {
    if (write.kind != Kind::kWrite) continue;
    const bool replaced = std::ranges::any_of(history, [&](const KeyOperation& other) {
      return other.kind != Kind::kRead && other.answered && write.end < other.begin && other.end < read.begin;
    });
    if (replaced || write.begin > read.end) impossible.push_back(write.value);
  }
  if (impossible.empty()) return false;
  read.value = impossible[random.below(impossible.size())];
  return true;
}

TEST(Linearizability, AcceptsTrueHistoriesAndRejectsEachWithOneImpossibleAnswer) {
  const uint64_t seed = test_seed();
  Random random(seed);
  int corrupted = 0;
  for (int i = 0; i < 3'000; ++i) {
    std::vector<KeyOperation> history = true_history(random, 20 + random.below(100), 2 + random.below(6));
    const auto wrong = find_violation(history);
    ASSERT_FALSE(wrong.has_value()) << "KITH_SEED=" << seed << ", history " << i << ": " << *wrong;
    if (!corrupt(history, random)) continue;
    ++corrupted;
    ASSERT_TRUE(find_violation(history).has_value()) << "KITH_SEED=" << seed << ", history " << i;
  }
  EXPECT_GT(corrupted, 2'000);
}

double cpu_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(Linearizability, ChecksHundredsOfThousandsOfOperationsASecond) {
  Random random(1);
  const std::vector<KeyOperation> history = true_history(random, 300'000, 8);
  const double start = cpu_seconds();
  EXPECT_FALSE(find_violation(history).has_value());
  const double seconds = cpu_seconds() - start;
  fmt::print("{:.0f} operations of 8 clients a second\n", static_cast<double>(history.size()) / seconds);
#ifndef KITH_SANITIZED
  EXPECT_LT(seconds, 3);
#endif
}

}  // namespace
}  // namespace kith::test
