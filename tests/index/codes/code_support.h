// Codes with their rows and prepared queries in aligned memory, and exact distances in double to hold them
// against.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "index/codes/vector_code.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

namespace kith::test {

inline std::unique_ptr<VectorCode> trained(const CodeSpec& spec, const Vectors& vectors) {
  auto kind = find_code_kind(spec.name);
  CHECK(kind.ok());
  auto code = (*kind)->train(spec, vectors.data.data(), vectors.rows);
  CHECK(code.ok());
  return std::move(code).value();
}

/// The codes of many vectors, and a prepared query.
class Coded {
 public:
  Coded(const VectorCode& code, const Vectors& vectors) : code_(&code), bytes_(code.bytes()) {
    rows_ = AlignedBuffer::allocate(vectors.rows * bytes_).value();
    query_ = AlignedBuffer::allocate(code.query_bytes()).value();
    for (size_t i = 0; i < vectors.rows; ++i) {
      code.encode(vectors.row(i), rows_.data() + i * bytes_);
      pointers_.push_back(row(i));
    }
  }

  const std::byte* row(size_t i) const { return rows_.data() + i * bytes_; }
  std::byte* row(size_t i) { return rows_.data() + i * bytes_; }
  const std::vector<const void*>& pointers() const { return pointers_; }
  /// The codes one after another.
  std::span<const std::byte> rows() const { return {rows_.data(), pointers_.size() * bytes_}; }
  const std::byte* prepared() const { return query_.data(); }

  void prepare(const float* query) { code_->prepare(query, query_.data()); }
  void prepare_stored(size_t i) { code_->prepare_stored(row(i), query_.data()); }
  /// Of the prepared query to all rows.
  std::vector<float> estimates(DistanceFn kernel) const {
    std::vector<float> out(pointers_.size());
    kernel(prepared(), pointers_.data(), pointers_.size(), code_->spec().dim, out.data());
    return out;
  }
  std::vector<float> estimates() const { return estimates(code_->kernel()); }

 private:
  const VectorCode* code_;
  size_t bytes_;
  AlignedBuffer rows_, query_;
  std::vector<const void*> pointers_;
};

inline double exact_distance(Metric metric, const float* a, const float* b, uint32_t dim) {
  double sum = 0;
  for (uint32_t d = 0; d < dim; ++d)
    sum += metric == Metric::kL2 ? (double{a[d]} - b[d]) * (double{a[d]} - b[d]) : -double{a[d]} * b[d];
  return sum;
}

}  // namespace kith::test
