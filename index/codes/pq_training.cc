// Training of PqCode: codebooks by k-means on a sample, and how far its estimates are off on pairs of it.
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/aligned_buffer.h"
#include "base/random.h"
#include "index/codes/pq_code.h"
#include "index/codes/saved_code.h"

namespace kith {
namespace {

constexpr size_t kTrainedMost = 16'384;
constexpr size_t kUnseenLeast = 64, kUnseenMost = kTrainedMost / 8;

/// Packed vectors to train on, and others to measure errors on.
struct Sample {
  std::vector<float> trained, unseen;
};

/// Vectors with their codes, as rows for the kernels.
struct Coded {
  Coded(const PqCode& code, const std::vector<float>& all)
      : vectors(all), codes(all.size() / code.spec().dim * code.bytes()) {
    for (size_t i = 0; i < all.size() / code.spec().dim; ++i) {
      vector_rows.push_back(all.data() + i * code.spec().dim);
      code_rows.push_back(codes.data() + i * code.bytes());
      code.encode(all.data() + i * code.spec().dim, codes.data() + i * code.bytes());
    }
  }

  size_t count() const { return code_rows.size(); }

  const std::vector<float>& vectors;
  std::vector<std::byte> codes;
  std::vector<const void*> vector_rows, code_rows;
};

double mean_squared_error(const PqCode& code, const Coded& coded) {
  std::vector<float> decoded(code.spec().dim);
  double sum = 0;
  for (size_t i = 0; i < coded.count(); ++i) {
    code.decode(static_cast<const std::byte*>(coded.code_rows[i]), decoded.data());
    for (size_t d = 0; d < decoded.size(); ++d)
      sum += std::pow(double{decoded[d]} - coded.vectors[i * decoded.size() + d], 2);
  }
  return sum / static_cast<double>(coded.count());
}

/// A random choice in the order of the vectors (Knuth, TAOCP 2, 3.4.2, algorithm S). Where there are too few,
/// errors are measured on the vectors of the training, which they flatter.
Sample sample(const CodeSpec& spec, const float* vectors, size_t count, size_t trained_least) {
  Random random(spec.seed);
  const size_t wanted = std::min(count, kTrainedMost + kUnseenMost);
  size_t unseen = wanted / 9;
  if (unseen < kUnseenLeast || wanted - unseen < trained_least) unseen = 0;
  Sample taken;
  for (size_t i = 0, left = wanted, unseen_left = unseen; left > 0; ++i) {
    if (random.below(count - i) >= left) continue;
    const bool trained = random.below(left) >= unseen_left;
    --left;
    const float* vector = vectors + i * spec.dim;
    std::vector<float>& to = trained ? taken.trained : taken.unseen;
    to.insert(to.end(), vector, vector + spec.dim);
    if (!trained) --unseen_left;
  }
  if (unseen == 0) taken.unseen = taken.trained;
  return taken;
}

float quantile(std::vector<float>& values, double rate) {
  const auto at = static_cast<size_t>(std::ceil(rate * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace

Result<std::unique_ptr<PqCode>> PqCode::train(const CodeSpec& asked, const float* vectors, size_t count) {
  const CodeSpec spec = TRY(with_defaults(asked));  // not inside `new`, which would leak on the way out
  TRY(check_training(spec, vectors, count));
  std::unique_ptr<PqCode> code(new PqCode(spec));
  PqCodebook& book = code->book_;
  if (count < book.centroids())
    return invalid_argument(
        "code '{}': {} bits have {} centroids, which need at least as many training vectors; got {}",
        spec.name, spec.bits, book.centroids(), count);
  const Sample taken = sample(spec, vectors, count, book.centroids());
  const size_t size = taken.trained.size() / spec.dim;
  std::vector<float> rotated = taken.trained;
  if (spec.name == kOpqKind.name) {
    code->rotation_ = TRY(OpqRotation::train(book, taken.trained.data(), size, spec.seed));
    for (size_t i = 0; i < size; ++i)
      code->rotation_->rotate(taken.trained.data() + i * spec.dim, rotated.data() + i * spec.dim);
  }
  const PqCodebook::Rounds rounds = {spec.bits == 8 ? 25u : 50u, spec.seed, code->rotation_.has_value()};
  for (uint32_t s = 0; s < spec.subvectors; ++s) TRY(book.train(s, rotated.data(), size, rounds));
  book.measure_cell_errors(rotated.data(), size);
  std::vector<float> all = taken.trained;
  all.insert(all.end(), taken.unseen.begin(), taken.unseen.end());
  code->measure_spreads(all, taken.unseen);
  return code;
}

/// Per query neighbours among all vectors and strangers among the unseen ones, as the spread of near pairs is
/// another than of far ones; a rate takes the larger of the two.
void PqCode::measure_spreads(const std::vector<float>& all, const std::vector<float>& unseen) {
  constexpr size_t kQueries = 256, kPerQuery = 16;
  const Coded rows(*this, all), strangers(*this, unseen);
  mean_error_ = static_cast<float>(mean_squared_error(*this, strangers));

  const DistanceFn exact = distance_kernel(spec_.metric, ScalarType::kF32);
  AlignedBuffer prepared = AlignedBuffer::allocate(query_bytes()).value();
  const auto off_by = [&](const void* code, float distance) {
    float estimate;
    kernel()(prepared.data(), &code, 1, spec_.dim, &estimate);
    const double size = spread(prepared.data(), static_cast<const std::byte*>(code));
    return size > 0 ? static_cast<float>(std::abs(double{estimate} - distance) / size) : 0;
  };
  std::vector<float> distances(rows.count()), near, far;
  std::vector<size_t> order(rows.count());
  const size_t close = std::min(kPerQuery + 1, rows.count());  // the query is one of the rows
  for (size_t q = 0; q < strangers.count(); q += (strangers.count() + kQueries - 1) / kQueries) {
    const void* query = strangers.vector_rows[q];
    prepare(static_cast<const float*>(query), prepared.data());
    exact(query, rows.vector_rows.data(), rows.count(), spec_.dim, distances.data());
    std::iota(order.begin(), order.end(), size_t{0});
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(close), order.end(),
                      [&](size_t a, size_t b) { return distances[a] < distances[b]; });
    for (size_t i = 1; i < close; ++i) near.push_back(off_by(rows.code_rows[order[i]], distances[order[i]]));
    for (size_t i = 1; i <= kPerQuery; ++i) {
      const size_t row = (q + i * strangers.count() / (kPerQuery + 1)) % strangers.count();
      float distance;
      exact(query, &strangers.vector_rows[row], 1, spec_.dim, &distance);
      far.push_back(off_by(strangers.code_rows[row], distance));
    }
  }
  for (size_t i = 0; i < spreads_.size(); ++i) {
    const double rate = std::erf((static_cast<double>(i) + 1) / 2 / std::numbers::sqrt2);
    spreads_[i] = std::max(quantile(near, rate), quantile(far, rate));
  }
}

}  // namespace kith
