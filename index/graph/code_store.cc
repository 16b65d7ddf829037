#include "index/graph/code_store.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kith {
namespace {

constexpr Node kTrainingMax = 16'384;
constexpr uint32_t kCode = section_tag("CODE");
constexpr uint32_t kRowSums = section_tag("CSUM");
constexpr ExtentKind kRows{"codes", "KITHCODE", 1};
constexpr uint64_t kSavedMax = 1 << 20;  // bytes of a CODE section that a file may claim

CodeSpec code_spec(const VectorSpace& space, uint32_t bits, uint64_t seed) {
  CodeSpec spec;
  spec.name = "rabitq";
  spec.metric = space.metric == Metric::kL2 ? Metric::kL2 : Metric::kInnerProduct;
  spec.dim = space.dim;
  spec.bits = bits;
  spec.seed = seed;
  return spec;
}

/// Moves to the front what is finite and at most ten times as long as most vectors; how many that are, at
/// least one. A single far longer one would draw the centre away from all others, and their codes would tell
/// where the centre is, not where they are.
size_t drop_outliers(std::vector<float>& sample, uint32_t dim) {
  std::vector<float> lengths;  // squared
  for (size_t i = 0; i < sample.size(); i += dim) {
    const float length = std::inner_product(&sample[i], &sample[i] + dim, &sample[i], 0.0f);
    lengths.push_back(std::isfinite(length) ? length : std::numeric_limits<float>::infinity());
  }
  std::vector<float> sorted = lengths;
  const auto middle = sorted.begin() + static_cast<ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const float longest = std::min(100 * *middle, std::numeric_limits<float>::max());
  size_t kept = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (!(lengths[i] <= longest)) continue;
    std::copy_n(&sample[i * dim], dim, &sample[kept++ * dim]);
  }
  if (kept > 0) return kept;
  std::fill_n(sample.begin(), dim, 0.0f);
  return 1;
}

}  // namespace

Result<uint32_t> CodeStore::parse_bits(std::string_view text) {
  constexpr std::string_view kPrefix = "rabitq";
  if (text == "none") return 0u;
  if (text.size() == kPrefix.size() + 1 && text.starts_with(kPrefix) && text.back() >= '1' &&
      text.back() <= '8')
    return static_cast<uint32_t>(text.back() - '0');
  return invalid_argument("'{}' is no code of graphs; give none, or rabitq1 to rabitq8", text);
}

bool CodeStore::serves(const VectorSpace& space) {
  if (space.type == ScalarType::kBit) return false;
  return space.metric == Metric::kL2 || space.metric == Metric::kInnerProduct || space.normalised;
}

Result<std::unique_ptr<CodeStore>> CodeStore::train(const VectorStore& vectors, Node nodes, uint32_t bits,
                                                    uint64_t seed) {
  const VectorSpace& space = vectors.space();
  const Node count = std::min(nodes, kTrainingMax);
  std::vector<float> sample(size_t{count} * space.dim);
  for (Node i = 0; i < count; ++i) {
    const Node node = static_cast<Node>(uint64_t{i} * nodes / count);
    to_f32(vectors[node], space.dim, space.type, sample.data() + size_t{i} * space.dim);
  }
  return train_on(space, sample, bits, seed, /*version=*/1);
}

Result<std::unique_ptr<CodeStore>> CodeStore::train_on(const VectorSpace& space, std::vector<float>& sample,
                                                       uint32_t bits, uint64_t seed, uint32_t version) {
  const size_t kept = drop_outliers(sample, space.dim);
  sample.resize(kept * space.dim);
  const CodeSpec spec = code_spec(space, bits, seed);
  const CodeKind* kind = TRY(find_code_kind(spec.name));
  return std::make_unique<CodeStore>(space, TRY(kind->train(spec, sample.data(), kept)), version);
}

void CodeStore::encode(Node node, const void* vector) {
  if (type_ == ScalarType::kF32) return code_->encode(static_cast<const float*>(vector), extents_.at(node));
  const uint32_t dim = code_->spec().dim;
  thread_local std::vector<float> wide;
  wide.resize(dim);
  to_f32(static_cast<const std::byte*>(vector), dim, type_, wide.data());
  code_->encode(wide.data(), extents_.at(node));
}

double CodeStore::distortion(std::span<const float> vectors) const {
  const uint32_t dim = code_->spec().dim;
  const size_t count = vectors.size() / dim;
  std::vector<std::byte> code(code_->bytes());
  std::vector<float> decoded(dim);
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const float* vector = &vectors[i * dim];
    code_->encode(vector, code.data());
    code_->decode(code.data(), decoded.data());
    for (uint32_t d = 0; d < dim; ++d) {
      const double error = double{vector[d]} - decoded[d];
      sum += error * error;
    }
  }
  return sum / static_cast<double>(count);
}

Result<void> CodeStore::write(CheckpointOutput& out, SectionFileWriter& main, const NodeBits& linked) const {
  const size_t row = code_->bytes();
  const ExtentCut cut(linked.size(), row);
  std::vector<uint32_t> sums;
  for (uint32_t i = 0; i < cut.size(); ++i) {
    const Extent extent = cut[i];
    std::vector<std::byte> rows(extent.nodes() * row);
    for (Node node = extent.first; node < extent.end; ++node)
      if (linked.has(node)) std::memcpy(&rows[(node - extent.first) * row], extents_.at(node), row);
    sums.push_back(crc32c(rows));
    const auto source = [&](const ByteSink& sink) { return sink(rows); };
    TRY(write_extent(out, kRows, extent, sums.back(), rows.size(), source));
  }
  const uint32_t head[2] = {code_->spec().bits, version_};
  main.begin(kCode);
  TRY(main.append_numbers(std::span<const uint32_t>(head)));
  TRY(main.append(as_bytes(code_->save())));
  return write_sums(main, kRowSums, sums);
}

Result<std::unique_ptr<CodeStore>> CodeStore::read(const CheckpointInput& in, const SectionFile& main,
                                                   const VectorSpace& space, Node nodes, uint64_t seed,
                                                   std::vector<OpenJob>& jobs) {
  if (!main.has(kCode)) return std::unique_ptr<CodeStore>();
  SectionReader reader = TRY(SectionReader::open(main, kCode));
  if (reader.length() < 8 || reader.length() > kSavedMax || !serves(space))
    return corruption("{}: section CODE of {} bytes cannot be", main.name(), reader.length());
  std::vector<std::byte> bytes(reader.length());
  TRY(reader.read(bytes));
  TRY(reader.finish());
  const CodeSpec spec = code_spec(space, load_le<uint32_t>(bytes.data()), seed);
  const CodeKind* kind = TRY(find_code_kind(spec.name));
  auto opened = kind->open(spec, as_text(std::span(bytes).subspan(8)));
  if (!opened) return corruption("{}: section CODE: {}", main.name(), opened.error().message);
  const uint32_t version = std::max(load_le<uint32_t>(bytes.data() + 4), 1u);  // 0: older than versions are
  auto store = std::make_unique<CodeStore>(space, std::move(opened).value(), version);
  const ExtentCut cut(nodes, store->code_->bytes());
  const std::vector<uint32_t> sums = TRY(read_sums(main, kRowSums, cut));
  TRY(store->grow(nodes));
  for (uint32_t i = 0; i < cut.size(); ++i)
    jobs.push_back([&in, codes = store.get(), extent = cut[i], sum = sums[i]] {
      return codes->read_rows(in, extent, sum);
    });
  return store;
}

Result<void> CodeStore::read_rows(const CheckpointInput& in, const Extent& extent, uint32_t sum) {
  const SectionFile file = TRY(open_extent(in, kRows, extent, sum));
  SectionReader reader = TRY(SectionReader::open(file, kExtentData));
  const size_t row = code_->bytes();
  TRY(reader.expect_length(extent.nodes() * row));
  for (Node node = extent.first; node < extent.end; ++node)
    TRY(reader.read(std::span(extents_.at(node), row)));
  return reader.finish();
}

}  // namespace kith
