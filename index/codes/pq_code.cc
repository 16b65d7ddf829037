#include "index/codes/pq_code.h"

#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "index/codes/pq_adc.h"
#include "index/codes/saved_code.h"
#include "index/codes/scratch.h"

namespace kith {
namespace {

/// A prepared query: header, table, squared lengths of its pieces per dimension (inner product only), the
/// rotated query.
struct Parts {
  float* table;
  float* lengths;
  float* rotated;
};

Parts parts_of(const PqCodebook& book, std::byte* prepared) {
  auto* table = reinterpret_cast<float*>(prepared + kPqTableOffset);
  float* lengths = table + book.table_floats();
  return {table, lengths, lengths + book.subvectors};
}

constexpr uint32_t kOpqDimMax = 4096;  // its matrix has dim * dim elements

Result<std::unique_ptr<VectorCode>> train_code(const CodeSpec& spec, const float* vectors, size_t count) {
  return std::unique_ptr<VectorCode>(TRY(PqCode::train(spec, vectors, count)));
}

Result<std::unique_ptr<VectorCode>> open_code(const CodeSpec& spec, std::string_view saved) {
  return std::unique_ptr<VectorCode>(TRY(PqCode::open(spec, saved)));
}

}  // namespace

const CodeKind kPqKind = {"pq", "product quantisation: sub-vectors replaced by their nearest centroids",
                          train_code, open_code};
const CodeKind kOpqKind = {"opq", "pq behind a rotation that makes its error small", train_code, open_code};

Result<CodeSpec> PqCode::with_defaults(CodeSpec spec) {
  if (spec.name == kOpqKind.name && spec.dim > kOpqDimMax)
    return invalid_argument("code '{}': dim is {}; use 1 to {}", spec.name, spec.dim, kOpqDimMax);
  if (spec.bits == 0) spec.bits = 8;
  if (spec.bits != 4 && spec.bits != 8)
    return invalid_argument("code '{}': bits is {}; use 4 (16 centroids a sub-vector) or 8 (256)", spec.name,
                            spec.bits);
  if (spec.subvectors == 0) spec.subvectors = spec.dim / spec.bits + (spec.dim % spec.bits != 0);
  if (spec.subvectors == 0 || spec.subvectors > spec.dim)
    return invalid_argument("code '{}': subvectors is {}; use 1 to dim, which is {}", spec.name,
                            spec.subvectors, spec.dim);
  return spec;
}

const float* PqCode::table_of(const std::byte* prepared) {
  return reinterpret_cast<const float*>(prepared + kPqTableOffset);
}

void PqCode::encode(const float* vector, std::byte* code) const {
  if (!rotation_) return book_.encode(vector, code);
  float* rotated = scratch(spec_.dim);
  rotation_->rotate(vector, rotated);
  book_.encode(rotated, code);
}

void PqCode::decode(const std::byte* code, float* vector) const {
  if (!rotation_) return book_.decode(code, vector);
  float* rotated = scratch(spec_.dim);
  book_.decode(code, rotated);
  rotation_->rotate_back(rotated, vector);
}

size_t PqCode::query_bytes() const {
  return kPqTableOffset + (book_.table_floats() + book_.subvectors + spec_.dim) * sizeof(float);
}

void PqCode::prepare(const float* query, std::byte* prepared) const {
  if (!rotation_) return prepare_rotated(query, prepared);
  float* rotated = parts_of(book_, prepared).rotated;
  rotation_->rotate(query, rotated);
  prepare_rotated(rotated, prepared);
}

void PqCode::prepare_stored(const std::byte* code, std::byte* prepared) const {
  float* rotated = parts_of(book_, prepared).rotated;
  book_.decode(code, rotated);
  prepare_rotated(rotated, prepared);
}

void PqCode::prepare_rotated(const float* query, std::byte* prepared) const {
  const Parts parts = parts_of(book_, prepared);
  const PqQueryHeader header = {book_.subvectors};
  std::memcpy(prepared, &header, sizeof header);
  book_.fill_table(spec_.metric, query, parts.table);
  if (spec_.metric == Metric::kL2) {
    for (uint32_t j = 0; j < book_.centroids(); ++j) parts.table[j] += mean_error_;
    return;
  }
  for (uint32_t s = 0; s < book_.subvectors; ++s) {
    float length = 0;
    for (uint32_t d = book_.first(s); d < book_.first(s + 1); ++d) length += query[d] * query[d];
    parts.lengths[s] = length / static_cast<float>(book_.dims(s));
  }
}

DistanceFn PqCode::kernel() const {
  return book_.bits == 8 ? pq_distances_8 : pq_distances_4;
}

/// The size of the estimate's error: its standard deviation if the error of each sub-vector had no direction
/// (for L2 plus what |e|^2 may be off its mean, a quarter say) and what rounding may do.
double PqCode::spread(const std::byte* prepared, const std::byte* code) const {
  const float* table = table_of(prepared);
  const float* lengths = table + book_.table_floats();
  const float* errors = book_.cell_errors.data();
  double variance = 0, missed = 0, magnitude = 0;
  for (uint32_t s = 0; s < book_.subvectors; ++s, table += book_.centroids(), errors += book_.centroids()) {
    const uint32_t number = book_.number_at(code, s);
    const double error = errors[number];
    magnitude += std::abs(table[number]);
    if (spec_.metric == Metric::kL2) {
      variance += 4 * double{table[number]} * error / book_.dims(s);
      missed += error;
    } else {
      variance += lengths[s] * error;
    }
  }
  return std::sqrt(variance + missed * missed / 16) + 1e-6 * magnitude;
}

float PqCode::error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const {
  const float at = std::max(sigmas, 0.0f) * 2;  // counted in steps of spreads_, whose first is 1
  const auto below = static_cast<size_t>(at);
  float spreads;
  if (below >= spreads_.size()) {
    spreads = spreads_.back() * at / static_cast<float>(spreads_.size());
  } else {
    const float from = below == 0 ? 0 : spreads_[below - 1];
    spreads = from + (spreads_[below] - from) * (at - static_cast<float>(below));
  }
  return static_cast<float>(spread(prepared, code) * spreads);
}

std::string PqCode::save() const {
  ByteWriter writer;
  writer.raw(std::as_bytes(std::span(book_.columns)));
  writer.raw(std::as_bytes(std::span(book_.cell_errors)));
  writer.number(mean_error_);
  writer.raw(std::as_bytes(std::span(spreads_)));
  if (rotation_) writer.raw(std::as_bytes(std::span(rotation_->values())));
  return save_code(spec_, writer.view());
}

Result<std::unique_ptr<PqCode>> PqCode::open(const CodeSpec& asked, std::string_view saved) {
  const CodeSpec spec = TRY(with_defaults(asked));
  ByteReader reader(TRY(open_saved_code(spec, saved)), "saved code");
  std::unique_ptr<PqCode> code(new PqCode(spec));
  TRY(read_floats(reader, code->book_.columns));
  TRY(read_floats(reader, code->book_.cell_errors));
  TRY(read_floats(reader, {&code->mean_error_, 1}));
  TRY(read_floats(reader, code->spreads_));
  if (spec.name == kOpqKind.name) {
    std::vector<float> matrix(size_t{spec.dim} * spec.dim);
    TRY(read_floats(reader, matrix));
    code->rotation_.emplace(spec.dim, std::move(matrix));
  }
  TRY(reader.finish());
  for (const float error : code->book_.cell_errors)
    if (error < 0) return corruption("saved code '{}': a cell's mean squared error is {}", spec.name, error);
  return code;
}

}  // namespace kith
