// links: kith_index
// Goal: no bytes make opening a saved code crash, hang or take memory beyond what its spec says, and what
// opens can be used and saves the same bytes. Method: edits of what a trained code of each kind saved, with
// the checksum at its end made right, and raw bytes.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "index/codes/vector_code.h"

namespace kith::fuzz {
namespace {

struct Saved {
  const CodeKind* kind;
  CodeSpec spec;
  std::string bytes;
};

constexpr uint32_t kDim = 6;

/// Of every kind, at its default and at 4 bits where it has them and few vectors will do.
std::vector<Saved> trained_codes() {
  Random random(3);
  std::vector<float> vectors(size_t{40} * kDim);
  for (float& x : vectors) x = static_cast<float>(random.normal());
  std::vector<Saved> all;
  for (const CodeKind* kind : code_kinds()) {
    const size_t before = all.size();
    for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
      for (const uint32_t bits : {0u, 4u}) {
        const CodeSpec spec = {kind->name, metric, kDim, bits};
        const auto code = kind->train(spec, vectors.data(), 40);
        if (code.ok()) all.push_back({kind, spec, code.value()->save()});
      }
    }
    CHECK(all.size() > before);
  }
  return all;
}

void use(const VectorCode& code, std::string_view opened) {
  std::vector<float> vector(kDim, 0.5f);
  std::vector<std::byte> bytes(code.bytes());
  code.encode(vector.data(), bytes.data());
  AlignedBuffer prepared = AlignedBuffer::allocate(code.query_bytes()).value();
  const void* row = bytes.data();
  float distance = 0;
  code.prepare(vector.data(), prepared.data());
  code.kernel()(prepared.data(), &row, 1, kDim, &distance);
  (void)code.error_bound(prepared.data(), bytes.data(), 1.9f);
  code.prepare_stored(bytes.data(), prepared.data());
  code.decode(bytes.data(), vector.data());
  CHECK(code.save() == opened);
}

}  // namespace
}  // namespace kith::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kith;
  static const std::vector<fuzz::Saved> kSaved = fuzz::trained_codes();
  if (size == 0) return 0;
  const fuzz::Saved& saved = kSaved[data[0] / 2 % kSaved.size()];
  std::string bytes = saved.bytes;
  if (data[0] % 2 == 0) {
    bytes.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  } else {
    for (size_t i = 1; i + 3 <= size; i += 3)
      bytes[(data[i] | data[i + 1] << 8) % bytes.size()] = static_cast<char>(data[i + 2]);
    const size_t body = bytes.size() - 4;
    store_le(bytes.data() + body, crc32c(as_bytes(std::string_view(bytes).substr(0, body))));
  }
  const auto opened = saved.kind->open(saved.spec, bytes);
  if (opened.ok())
    fuzz::use(*opened.value(), bytes);
  else
    CHECK(opened.error().code == Code::kCorruption);
  return 0;
}
