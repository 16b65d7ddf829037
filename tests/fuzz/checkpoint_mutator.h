// Fuzzing behind checksums: random bytes almost never carry the right crc32c, so a fuzzer would test nothing
// but that comparison. This takes the input as edits of a valid checkpoint and makes every checksum right
// again (the frame is drawn in index/section_file.h).
#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/io/memory_file_system.h"
#include "index/graph/graph_codec.h"
#include "index/graph/graph_index.h"
#include "index/registry.h"
#include "index/vamana/vamana_kind.h"

namespace kith::fuzz {

/// Rows 0, 2, 4 … with duplicates among them.
inline void add_rows(Index& index, Row count) {
  std::vector<float> values;
  std::vector<Row> rows;
  for (Row row = 0; row < count; ++row) {
    rows.push_back(row * 2);
    for (Row d = 0; d < 4; ++d) values.push_back(static_cast<float>((row % 40) * (d + 3) % 17));
  }
  index.add(rows, {reinterpret_cast<const std::byte*>(values.data()), ScalarType::kF32, 4, rows.size()})
      .value();
  index.remove(6).value();
}

inline std::vector<std::byte> content(FileSystem& fs) {
  auto file = fs.open("f").value();
  std::vector<std::byte> bytes(file->size());
  file->read(0, bytes).value();
  return bytes;
}

/// A checkpoint of 48 vectors with duplicates and removed rows.
inline std::vector<std::byte> valid_checkpoint(const char* kind) {
  IndexSpec spec;
  spec.kind = kind;
  spec.dim = 4;
  if (spec.kind == "hnsw") spec.options = {{"m", "2"}, {"ef_construction", "20"}};
  if (spec.kind == "nsw") spec.options = {{"m", "2"}, {"ef_construction", "20"}};
  if (spec.kind == "nsg" || spec.kind == "nssg") spec.options = {{"degree", "4"}, {"neighbors", "4"}};
  if (spec.kind == "hcnng") spec.options = {{"trees", "2"}, {"leaf", "8"}};
  if (spec.kind == "vamana") spec.options = {{"degree", "4"}, {"ef_construction", "20"}};
  auto index = create_index(spec).value();
  add_rows(*index, 48);
  MemoryFileSystem fs;
  index->checkpoint(fs, "f").value();
  return content(fs);
}

/// The same with codes. These come with more vectors than a fuzzer's file should hold: it is cut after the
/// first 48, as if saved when the others had not been added yet.
inline std::vector<std::byte> coded_checkpoint() {
  IndexSpec spec;
  spec.dim = 4;
  spec.options = {{"degree", "4"}, {"ef_construction", "20"}, {"codes", "rabitq1"}};
  auto index = GraphIndex::create(kVamanaGraph, spec).value();
  add_rows(*index, 5000);
  CHECK(index->graph().codes() != nullptr);
  MemoryFileSystem fs;
  write_graph(fs, "f", kVamanaGraph, spec, 48, index->rows(), index->graph()).value();
  return content(fs);
}

inline void repair(std::vector<std::byte>& bytes) {
  if (bytes.size() < 48) return;
  std::byte* end = bytes.data() + bytes.size() - 32;
  const auto table = load_le<uint64_t>(end);
  const auto count = load_le<uint32_t>(end + 8);
  if (count <= 64 && table <= bytes.size() - 32 && (bytes.size() - 32 - table) == uint64_t{count} * 24) {
    for (uint32_t i = 0; i < count; ++i) {
      std::byte* entry = bytes.data() + table + i * 24;
      const auto offset = load_le<uint64_t>(entry + 8);
      const auto length = load_le<uint64_t>(entry + 16);
      if (offset > bytes.size() || length > bytes.size() - offset) continue;
      store_le(entry + 4, crc32c({bytes.data() + offset, length}));
    }
    store_le(end + 12, crc32c({bytes.data() + table, uint64_t{count} * 24}));
  }
  store_le(end + 16, crc32c({end, 16}, crc32c({bytes.data(), 16})));
}

inline constexpr std::string_view kCoded = "vamana with codes";

/// Opens what the input stands for and, when it opens, uses it. `what`: a kind, or kCoded.
inline void open_mutated(std::string_view what, std::span<const uint8_t> input) {
  static std::map<std::string_view, std::vector<std::byte>> valid;
  const std::string kind(what == kCoded ? "vamana" : what);
  std::vector<std::byte>& whole = valid[what];
  if (whole.empty()) whole = what == kCoded ? coded_checkpoint() : valid_checkpoint(kind.c_str());
  std::vector<std::byte> bytes = whole;
  if (!input.empty() && input[0] == 0) {
    const auto raw = std::as_bytes(input.subspan(1));
    bytes.assign(raw.begin(), raw.end());
  } else {
    for (size_t i = 1; i + 3 <= input.size(); i += 3)
      bytes[(input[i] | input[i + 1] << 8) % bytes.size()] = static_cast<std::byte>(input[i + 2]);
    repair(bytes);
  }
  MemoryFileSystem fs;
  write_file_atomically(fs, "f", bytes).value();
  auto opened = find_index_kind(kind).value()->open(fs, "f", nullptr);
  if (!opened.ok()) return;
  std::vector<std::byte> zero(size_t{65'535} * 4);
  for (const uint32_t effort : {1u, 64u}) {
    SearchRequest request;
    request.query = {zero.data(), ScalarType::kF32, 4};
    request.effort = effort;
    request.k = effort;
    (void)opened.value()->search(request).ok();
  }
  const Row next = 1'000'000;
  (void)opened.value()->add(std::span(&next, 1), {zero.data(), ScalarType::kF32, 4, 1}).ok();
}

}  // namespace kith::fuzz
