// What PqCode keeps of its training:
//
//   offset  bytes  content (little-endian)
//   0       4      version, 1
//   4       12     u32 dim, u32 sub-vectors, u32 bits
//   16      4      u32 metric
//   20      4      u32 1 when a rotation follows (opq), else 0
//   24      ...    f32 centroids, cell errors, mean error, six spreads, rotation: see pq_codebook.h,
//   pq_code.h end-4   4      u32 crc32c of all before
#include <cmath>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "index/codes/pq_code.h"

namespace kith {
namespace {

constexpr uint32_t kVersion = 1;

template <typename Floats>
Result<void> read_floats(ByteReader& reader, std::string_view name, Floats& values, float least) {
  const auto bytes = TRY(reader.raw(values.size() * sizeof(float)));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  for (const float value : values)
    if (!std::isfinite(value) || value < least)
      return corruption("{}: {} is none of the numbers that training writes", name, value);
  return {};
}

}  // namespace

std::string PqCode::save() const {
  ByteWriter writer;
  for (const uint32_t number : {kVersion, spec_.dim, spec_.subvectors, spec_.bits,
                                static_cast<uint32_t>(spec_.metric), uint32_t{rotation_.has_value()}})
    writer.number(number);
  writer.raw(std::as_bytes(std::span(book_.columns)));
  writer.raw(std::as_bytes(std::span(book_.cell_errors)));
  writer.number(mean_error_);
  writer.raw(std::as_bytes(std::span(spreads_)));
  if (rotation_) writer.raw(std::as_bytes(std::span(rotation_->values())));
  writer.number(crc32c(writer.view()));
  return std::string(as_text(writer.view()));
}

Result<std::unique_ptr<PqCode>> PqCode::open(const CodeSpec& asked, std::string_view saved) {
  const CodeSpec spec = TRY(with_defaults(asked));
  std::unique_ptr<PqCode> code(new PqCode(spec));
  TRY(code->read(saved));
  return code;
}

Result<void> PqCode::read(std::string_view saved) {
  const std::string& name = spec_.name;
  if (saved.size() < 4) return corruption("{}: {} bytes are too few for a saved code", name, saved.size());
  const auto body = as_bytes(saved.substr(0, saved.size() - 4));
  if (crc32c(body) != load_le<uint32_t>(saved.data() + body.size()))
    return corruption("{}: the checksum of the saved code is wrong", name);
  ByteReader reader(body, name);
  const bool rotated = name == "opq";
  for (const uint32_t wanted : {kVersion, spec_.dim, spec_.subvectors, spec_.bits,
                                static_cast<uint32_t>(spec_.metric), uint32_t{rotated}}) {
    const size_t at = reader.offset();
    const auto found = TRY(reader.number<uint32_t>());
    if (found != wanted)
      return corruption("{}: the saved code has {} at offset {}, but its collection says {}", name, found, at,
                        wanted);
  }
  constexpr float kAny = -INFINITY;
  TRY(read_floats(reader, name, book_.columns, kAny));
  TRY(read_floats(reader, name, book_.cell_errors, 0));
  std::array<float, 1> mean_error;
  TRY(read_floats(reader, name, mean_error, 0));
  mean_error_ = mean_error[0];
  TRY(read_floats(reader, name, spreads_, 0));
  if (rotated) {
    std::vector<float> matrix(reader.left() / sizeof(float));
    if (matrix.size() != size_t{spec_.dim} * spec_.dim)
      return corruption("{}: {} bytes are left for a rotation of {} dimensions", name, reader.left(),
                        spec_.dim);
    TRY(read_floats(reader, name, matrix, kAny));
    rotation_.emplace(spec_.dim, std::move(matrix));
  }
  return reader.finish();
}

}  // namespace kith
