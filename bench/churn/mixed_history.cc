#include "bench/churn/mixed_history.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "datasets/ground_truth.h"

namespace kith::bench {

MixedHistory::MixedHistory(const MixedRows& rows, size_t count, VectorBlock queries, Metric metric,
                           ThreadPool& pool)
    : rows_(rows), queries_(queries), metric_(metric), pool_(pool), next_number_(count) {
  std::vector<float> all;
  const VectorBlock block = rows.vectors(0, count, all);
  state_.type = ScalarType::kF32;
  state_.dim = block.dim;
  state_.rows = count;
  state_.data.assign(block.data, block.data + vector_bytes(block.type, block.dim) * count);
}

uint64_t MixedHistory::begin_write(uint32_t first, size_t count) {
  const uint64_t number = next_number_;
  for (size_t i = 0; i < count; ++i) log_.push_back({first + static_cast<uint32_t>(i), next_number_++});
  begun_.store(log_.size(), std::memory_order_release);
  return number;
}

Result<double> MixedHistory::recall(std::span<const MixedAsked> asked, uint32_t k) {
  uint64_t found = 0, wanted = 0;
  for (size_t begin = 0, end = 0; begin < asked.size(); begin = end) {
    Matrix together;  // queries of one state
    together.type = queries_.type;
    together.dim = queries_.dim;
    uint64_t moving = 0;  // rows at most
    for (end = begin; end < asked.size() && asked[end].returned == asked[begin].returned; ++end) {
      const VectorView query = queries_[asked[end].query];
      together.data.insert(together.data.end(), query.data, query.data + query.bytes());
      ++together.rows;
      moving = std::max(moving, asked[end].begun - asked[end].returned);
    }
    replay(asked[begin].returned);
    const auto nearest = static_cast<uint32_t>(std::min<uint64_t>(k + moving, state_.rows));
    const Neighbors truth = TRY(exact_neighbors(state_.block(), together.block(), metric_, nearest, &pool_));
    for (size_t i = begin; i < end; ++i) {
      const std::vector<uint32_t> still = still_rows(asked[i], {truth[i - begin], nearest}, k);
      wanted += still.size();
      if (still.empty()) continue;
      const double farthest = exact_distance(metric_, queries_[asked[i].query], state_.block()[still.back()]);
      found += std::min(hits(asked[i], farthest, k), still.size());  // of rows that moved more may be as near
    }
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

/// The first k of `rows` that nobody was writing.
std::vector<uint32_t> MixedHistory::still_rows(const MixedAsked& asked, std::span<const int32_t> rows,
                                               uint32_t k) const {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < rows.size() && out.size() < k; ++i) {
    const auto row = static_cast<uint32_t>(rows[i]);
    const auto moves = [row](const Write& write) { return write.row == row; };
    if (std::none_of(log_.begin() + static_cast<ptrdiff_t>(asked.returned),
                     log_.begin() + static_cast<ptrdiff_t>(asked.begun), moves))
      out.push_back(row);
  }
  return out;
}

VectorBlock MixedHistory::now() {
  replay(returned());
  return state_.block();
}

void MixedHistory::replay(uint64_t writes) {
  std::vector<float> vector;
  const size_t bytes = vector_bytes(state_.type, state_.dim);
  for (; replayed_ < writes; ++replayed_) {
    const Write& write = log_[replayed_];
    if (write.row >= state_.rows) {
      state_.rows = write.row + size_t{1};
      state_.data.resize(state_.rows * bytes);
    }
    std::memcpy(&state_.data[write.row * bytes], rows_.vectors(write.number, 1, vector).data, bytes);
  }
}

/// To the row's nearest vector of those that it had while the answer was made.
double MixedHistory::distance(const MixedAsked& asked, uint32_t row) const {
  const VectorView query = queries_[asked.query];
  double least = std::numeric_limits<double>::infinity();
  if (row < state_.rows) least = exact_distance(metric_, query, state_.block()[row]);
  std::vector<float> vector;
  for (uint64_t i = asked.returned; i < asked.begun; ++i)
    if (log_[i].row == row)
      least = std::min(least, exact_distance(metric_, query, rows_.vectors(log_[i].number, 1, vector)[0]));
  return least;
}

size_t MixedHistory::hits(const MixedAsked& asked, double bound, uint32_t k) const {
  size_t count = 0;
  for (size_t i = 0; i < std::min<size_t>(asked.found.size(), k); ++i) {
    const auto at = asked.found.begin() + static_cast<ptrdiff_t>(i);
    if (std::find(asked.found.begin(), at, *at) == at) count += distance(asked, *at) <= bound;
  }
  return count;
}

}  // namespace kith::bench
