#include "index/codes/fastscan.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "index/codes/code_dispatch.h"

namespace kith {
namespace {

struct Header {
  float bias = 0, step = 0;
};
constexpr size_t kTables = 64;  // after the header
constexpr uint32_t kEntries = 16;

kernels::FastScanWork work_of(const std::byte* prepared, const std::byte* blocks, size_t code_bytes,
                              size_t count) {
  Header header;
  std::memcpy(&header, prepared, sizeof header);
  return {reinterpret_cast<const uint8_t*>(prepared + kTables),
          reinterpret_cast<const uint8_t*>(blocks),
          static_cast<uint32_t>(code_bytes),
          header.bias,
          header.step,
          count};
}

/// How many sums, from 0 on, have an estimate below the bound.
uint32_t sums_below(float bias, float step, float bound) {
  uint32_t from = 0, to = 1u << 16;
  while (from < to) {
    const uint32_t middle = (from + to) / 2;
    if (bias + step * static_cast<float>(middle) < bound)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

}  // namespace

Result<FastScan> FastScan::of(const PqCode& code) {
  if (code.spec().bits != 4)
    return invalid_argument("FastScan needs a code of 4 bits per sub-vector; this {} has {}",
                            code.spec().name, code.spec().bits);
  return FastScan(code);
}

size_t FastScan::tables_end() const {
  const size_t tables = code_->bytes() * 2 * kEntries;
  return kTables + (tables + 63) / 64 * 64;
}

void FastScan::put(const std::byte* code, size_t position, std::byte* blocks) const {
  std::byte* to = blocks + position / kBlock * kBlock * code_->bytes() + position % kBlock;
  for (size_t b = 0; b < code_->bytes(); ++b) to[b * kBlock] = code[b];
}

void FastScan::take(const std::byte* blocks, size_t position, std::byte* code) const {
  const std::byte* from = blocks + position / kBlock * kBlock * code_->bytes() + position % kBlock;
  for (size_t b = 0; b < code_->bytes(); ++b) code[b] = from[b * kBlock];
}

/// Each table counts from its own least entry; the bias is the sum of those. The step makes the widest table
/// fit a byte and the sum of all fit 16 bits, each entry being off by half a step at most.
void FastScan::prepare(const float* query, std::byte* prepared) const {
  std::byte* for_code = prepared + tables_end();
  code_->prepare(query, for_code);
  const float* table = PqCode::table_of(for_code);
  const uint32_t subvectors = code_->spec().subvectors;
  double bias = 0, widest = 0, total = 0;
  for (uint32_t s = 0; s < subvectors; ++s) {
    const auto [least, most] = std::minmax_element(table + s * kEntries, table + (s + 1) * kEntries);
    const double width = double{*most} - *least;
    bias += *least;
    widest = std::max(widest, width);
    total += width;
    if (!std::isfinite(width)) bias = std::numeric_limits<double>::quiet_NaN();
  }
  uint8_t* bytes = reinterpret_cast<uint8_t*>(prepared + kTables);
  std::memset(bytes, 0, tables_end() - kTables);
  Header header = {static_cast<float>(bias), 0};
  if (std::isfinite(header.bias)) {
    header.step = static_cast<float>(std::max(widest / 255, total / (65534 - 0.5 * subvectors)));
  } else {  // the query is no number or too large: everything is as far as can be
    header.bias = std::numeric_limits<float>::infinity();
  }
  std::memcpy(prepared, &header, sizeof header);
  if (header.step == 0) return;
  const double scale = 1 / double{header.step};
  for (uint32_t s = 0; s < subvectors; ++s, table += kEntries) {
    const double least = *std::min_element(table, table + kEntries);
    for (uint32_t j = 0; j < kEntries; ++j)
      *bytes++ = static_cast<uint8_t>(std::min((table[j] - least) * scale + 0.5, 255.0));
  }
}

float FastScan::rounding(const std::byte* prepared) const {
  Header header;
  std::memcpy(&header, prepared, sizeof header);
  return header.step * 0.5f * static_cast<float>(code_->spec().subvectors);
}

void FastScan::scan(const std::byte* prepared, const std::byte* blocks, size_t count, float* out) const {
  kernels::fastscan_table().all(work_of(prepared, blocks, code_->bytes(), count), out);
}

size_t FastScan::scan_below(const std::byte* prepared, const std::byte* blocks, size_t count, float bound,
                            uint32_t* positions, float* estimates) const {
  const kernels::FastScanWork work = work_of(prepared, blocks, code_->bytes(), count);
  const uint32_t below = sums_below(work.bias, work.step, bound);
  if (below == 0) return 0;
  return kernels::fastscan_table().below(work, static_cast<uint16_t>(below - 1), positions, estimates);
}

}  // namespace kith
