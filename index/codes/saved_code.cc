#include "index/codes/saved_code.h"

#include <cmath>

#include "base/crc32c.h"
#include "index/vector_store.h"

namespace kith {
namespace {

constexpr uint32_t kMagic = 0x444f434b;  // "KCOD"
constexpr uint32_t kVersion = 1;

void write_spec(ByteWriter& writer, const CodeSpec& spec) {
  writer.number(kMagic);
  writer.number(kVersion);
  writer.text(spec.name);
  writer.number(spec.metric);
  writer.number(spec.dim);
  writer.number(spec.bits);
  writer.number(spec.subvectors);
  writer.number(spec.seed);
}

}  // namespace

std::string save_code(const CodeSpec& spec, std::span<const std::byte> body) {
  ByteWriter writer;
  write_spec(writer, spec);
  writer.sized(body);
  writer.number(crc32c(writer.view()));
  return std::string(as_text(writer.view()));
}

Result<std::span<const std::byte>> open_saved_code(const CodeSpec& spec, std::string_view saved) {
  const std::span<const std::byte> bytes = as_bytes(saved);
  ByteWriter expected;
  write_spec(expected, spec);
  const size_t spec_bytes = expected.size();
  if (bytes.size() < spec_bytes + 8)
    return corruption("saved code '{}': {} bytes, fewer than its frame has", spec.name, bytes.size());
  const std::span<const std::byte> sum = bytes.last(4), framed = bytes.first(bytes.size() - 4);
  if (load_le<uint32_t>(sum.data()) != crc32c(framed))
    return corruption("saved code '{}': wrong checksum over {} bytes", spec.name, framed.size());
  if (as_text(framed.first(spec_bytes)) != as_text(expected.view()))
    return corruption("saved code '{}': saved for another spec than dim {}, {} bits, {} sub-vectors, seed {}",
                      spec.name, spec.dim, spec.bits, spec.subvectors, spec.seed);
  ByteReader reader(framed.subspan(spec_bytes), "saved code");
  const std::span<const std::byte> body = TRY(reader.sized());
  TRY(reader.finish());
  return body;
}

Result<void> read_floats(ByteReader& reader, std::span<float> out) {
  const std::span<const std::byte> bytes = TRY(reader.raw(out.size_bytes()));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  for (const float x : out)
    if (!std::isfinite(x)) return corruption("saved code: a number is {}, not finite", x);
  return {};
}

std::vector<float> mean_of(const float* vectors, size_t count, uint32_t dim) {
  std::vector<double> sums(dim);
  for (size_t i = 0; i < count; ++i)
    for (uint32_t d = 0; d < dim; ++d) sums[d] += vectors[i * dim + d];
  std::vector<float> mean(dim);
  for (uint32_t d = 0; d < dim; ++d) mean[d] = static_cast<float>(sums[d] / static_cast<double>(count));
  return mean;
}

Result<void> check_training(const CodeSpec& spec, const float* vectors, size_t count) {
  if (spec.metric != Metric::kL2 && spec.metric != Metric::kInnerProduct)
    return invalid_argument("code '{}': metric '{}' has no codes; use l2 or ip (cosine: ip of unit vectors)",
                            spec.name, metric_name(spec.metric));
  if (spec.dim == 0 || spec.dim > kDimMax)
    return invalid_argument("code '{}': dim is {}; use 1 to {}", spec.name, spec.dim, kDimMax);
  if (count == 0) return invalid_argument("code '{}': no vectors to train on; give at least one", spec.name);
  for (size_t i = 0; i < count * spec.dim; ++i)
    if (!std::isfinite(vectors[i]))
      return invalid_argument("code '{}': training vector {} has the element {} at {}; use finite numbers",
                              spec.name, i / spec.dim, vectors[i], i % spec.dim);
  return {};
}

}  // namespace kith
