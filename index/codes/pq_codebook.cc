#include "index/codes/pq_codebook.h"

#include <array>
#include <cmath>
#include <cstring>

#include "index/codes/code_dispatch.h"
#include "index/kmeans.h"

namespace kith {

static_assert((1u << 4) % kernels::kPqLanes == 0, "a table's rows are whole registers");

PqCodebook::PqCodebook(uint32_t of_dim, uint32_t of_subvectors, uint32_t of_bits)
    : dim(of_dim),
      subvectors(of_subvectors),
      bits(of_bits),
      columns(size_t{of_dim} << of_bits),
      cell_errors(size_t{of_subvectors} << of_bits) {}

Result<void> PqCodebook::train(uint32_t s, const float* vectors, size_t count, const Rounds& rounds) {
  const KMeansSpec spec = {dims(s), centroids(), rounds.count, rounds.seed + s};
  std::vector<float> pieces(count * spec.dim), start;
  for (size_t i = 0; i < count; ++i)
    std::copy_n(vectors + i * dim + first(s), spec.dim, pieces.data() + i * spec.dim);
  for (uint32_t j = 0; rounds.warm && j < spec.centroids; ++j)
    for (uint32_t d = 0; d < spec.dim; ++d) start.push_back(element(s, j, d));
  const std::vector<float> packed = TRY(train_kmeans(spec, pieces.data(), count, std::move(start)));
  float* to = columns.data() + size_t{first(s)} * centroids();
  for (uint32_t d = 0; d < spec.dim; ++d)
    for (uint32_t j = 0; j < spec.centroids; ++j) *to++ = packed[size_t{j} * spec.dim + d];
  return {};
}

void PqCodebook::measure_cell_errors(const float* vectors, size_t count) {
  std::vector<std::byte> code(code_bytes());
  std::vector<float> decoded(dim);
  std::vector<double> sums(cell_errors.size()), totals(subvectors);
  std::vector<size_t> sizes(cell_errors.size());
  for (size_t i = 0; i < count; ++i) {
    const float* vector = vectors + i * dim;
    encode(vector, code.data());
    decode(code.data(), decoded.data());
    for (uint32_t s = 0; s < subvectors; ++s) {
      const size_t cell = size_t{s} * centroids() + number_at(code.data(), s);
      double error = 0;
      for (uint32_t d = first(s); d < first(s + 1); ++d) error += std::pow(double{vector[d]} - decoded[d], 2);
      sums[cell] += error;
      totals[s] += error;
      ++sizes[cell];
    }
  }
  for (size_t cell = 0; cell < sums.size(); ++cell)  // a cell of one vector has seen no error
    cell_errors[cell] = static_cast<float>(sizes[cell] < 2 ? totals[cell >> bits] / static_cast<double>(count)
                                                           : sums[cell] / static_cast<double>(sizes[cell]));
}

void PqCodebook::encode(const float* vector, std::byte* code) const {
  const kernels::PqTable& loops = kernels::pq_table();
  std::array<float, 256> sums;
  for (uint32_t s = 0; s < subvectors; ++s) {
    std::fill_n(sums.begin(), centroids(), 0.0f);
    loops.l2(vector + first(s), columns.data() + size_t{first(s)} * centroids(), dims(s), centroids(),
             sums.data());
    const std::byte number{static_cast<uint8_t>(loops.least(sums.data(), centroids()))};
    if (bits == 8) {
      code[s] = number;
    } else {
      code[s / 2] = s % 2 == 0 ? number : code[s / 2] | number << 4;
    }
  }
}

void PqCodebook::decode(const std::byte* code, float* vector) const {
  for (uint32_t s = 0; s < subvectors; ++s) {
    const uint32_t number = number_at(code, s);
    for (uint32_t d = 0; d < dims(s); ++d) *vector++ = element(s, number, d);
  }
}

void PqCodebook::fill_table(Metric metric, const float* vector, float* table) const {
  const kernels::PqTable& loops = kernels::pq_table();
  const kernels::PartialDistances distances = metric == Metric::kL2 ? loops.l2 : loops.ip;
  std::memset(table, 0, table_floats() * sizeof(float));
  for (uint32_t s = 0; s < subvectors; ++s, table += centroids())
    distances(vector + first(s), columns.data() + size_t{first(s)} * centroids(), dims(s), centroids(),
              table);
}

}  // namespace kith
