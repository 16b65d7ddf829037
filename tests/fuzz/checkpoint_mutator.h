// Fuzzing behind checksums: random bytes almost never carry the right crc32c, so a fuzzer would test nothing
// but that comparison. This takes the input as edits of the files of a valid checkpoint and makes every
// checksum right again (the frame is drawn in index/section_file.h).
#pragma once

#include <map>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "index/graph/graph_codec.h"
#include "index/graph/graph_index.h"
#include "index/registry.h"
#include "index/vamana/vamana_kind.h"
#include "tests/support/checkpoint_directory.h"

namespace kith::fuzz {

/// Rows 0, 2, 4 … with duplicates among them, on request with labels.
inline void add_rows(Index& index, Row count, bool labeled = false) {
  std::vector<float> values;
  std::vector<Row> rows;
  std::vector<LabelSet> labels;
  for (Row row = 0; row < count; ++row) {
    rows.push_back(row * 2);
    labels.push_back(row % 5 == 0 ? LabelSet() : LabelSet{row % 3, 3 + row % 2});
    for (Row d = 0; d < 4; ++d) values.push_back(static_cast<float>((row % 40) * (d + 3) % 17));
  }
  const VectorBlock block{reinterpret_cast<const std::byte*>(values.data()), ScalarType::kF32, 4,
                          rows.size()};
  if (labeled) {
    static_cast<GraphIndex&>(index).add_labeled(rows, block, labels).value();
  } else {
    index.add(rows, block).value();
  }
  index.remove(6).value();
}

/// A checkpoint of 48 vectors with duplicates and removed rows.
inline test::CheckpointFiles valid_checkpoint(const char* kind) {
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
  return test::checkpoint_files(*index);
}

/// The same with codes and labels. Codes come with more vectors than a fuzzer's file should hold: it is cut
/// after the first 48, as if saved when the others had not been added yet.
inline test::CheckpointFiles coded_checkpoint(const char* labels = "filtered") {
  IndexSpec spec;
  spec.dim = 4;
  spec.options = {{"degree", "4"}, {"ef_construction", "20"}, {"codes", "rabitq1"}, {"labels", labels}};
  auto index = GraphIndex::create(kVamanaGraph, spec).value();
  add_rows(*index, 5000, true);
  CHECK(index->graph().codes() != nullptr);
  MemoryFileSystem fs;
  test::CheckpointDirectory directory(fs);
  const auto write = [&](CheckpointOutput& out) {
    return write_graph(out, kVamanaGraph, spec, 48, index->rows(), index->graph());
  };
  directory.write_with(write).value();
  return directory.files();
}

/// The entry of section `tag` in a file's table, or null.
inline std::byte* find_section(std::vector<std::byte>& bytes, uint32_t tag) {
  if (bytes.size() < 48) return nullptr;
  const std::byte* end = bytes.data() + bytes.size() - 32;
  const auto table = load_le<uint64_t>(end);
  const auto count = load_le<uint32_t>(end + 8);
  if (count > 64 || table > bytes.size() - 32 || bytes.size() - 32 - table != uint64_t{count} * 24)
    return nullptr;
  for (std::byte* entry = bytes.data() + table; entry < end; entry += 24)
    if (load_le<uint32_t>(entry) == tag) return entry;
  return nullptr;
}

/// Makes the checksums inside one file right.
inline void repair_file(std::vector<std::byte>& bytes) {
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

/// And those of the first extents: in main, and in their names.
inline test::CheckpointFiles repaired(const test::CheckpointFiles& files) {
  constexpr std::pair<std::string_view, uint32_t> kSums[] = {{"vectors-0-", section_tag("VSUM")},
                                                             {"lists-0-", section_tag("LSUM")},
                                                             {"codes-0-", section_tag("CSUM")},
                                                             {"nested-0-", section_tag("NSUM")}};
  test::CheckpointFiles out = files;
  std::vector<std::byte>& main = out[kMainFile];
  for (auto [name, bytes] : files) {
    for (const auto& [start, tag] : kSums) {
      if (!name.starts_with(start)) continue;
      out.erase(name);
      repair_file(bytes);
      const std::byte* data = find_section(bytes, kExtentData);
      const uint32_t sum = data == nullptr ? 0 : load_le<uint32_t>(data + 4);
      out[fmt::format("{}{:08x}", name.substr(0, name.rfind('-') + 1), sum)] = bytes;
      const std::byte* sums = find_section(main, tag);
      const uint64_t at = sums == nullptr ? main.size() : load_le<uint64_t>(sums + 8);
      if (at < main.size() && main.size() - at >= 4) store_le(main.data() + at, sum);
    }
  }
  repair_file(main);
  return out;
}

inline constexpr std::string_view kCoded = "vamana with codes and labels";
inline constexpr std::string_view kFused = "vamana with codes and fused labels";

/// Files as raw input gives them: per file a byte of the name's length, the name, two bytes of the length,
/// the bytes; what is cut short ends there.
inline test::CheckpointFiles raw_files(std::span<const uint8_t> input) {
  test::CheckpointFiles files;
  const auto take = [&](size_t count) {
    const auto part = input.first(std::min(count, input.size()));
    input = input.subspan(part.size());
    return part;
  };
  while (input.size() >= 3) {
    const auto name = take(take(1)[0] % 25);
    const auto length = take(2);
    if (name.empty() || length.size() < 2) break;
    const auto bytes = std::as_bytes(take(length[0] | length[1] << 8));
    std::string plain(name.begin(), name.end());  // of what names may have
    for (char& c : plain)
      if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '-';
    files[plain].assign(bytes.begin(), bytes.end());
  }
  return files;
}

/// The files with one byte replaced, counted through all of them in the order of their names.
inline void edit(test::CheckpointFiles& files, size_t at, std::byte value) {
  size_t total = 0;
  for (const auto& [name, bytes] : files) total += bytes.size();
  at %= total;
  for (auto& [name, bytes] : files) {
    if (at < bytes.size()) {
      bytes[at] = value;
      return;
    }
    at -= bytes.size();
  }
}

/// Opens what the input stands for and, when it opens, uses it. `what`: a kind, kCoded or kFused.
inline void open_mutated(std::string_view what, std::span<const uint8_t> input) {
  static std::map<std::string_view, test::CheckpointFiles> valid;
  const bool coded = what == kCoded || what == kFused;
  const std::string kind(coded ? "vamana" : what);
  test::CheckpointFiles& whole = valid[what];
  if (whole.empty())
    whole = coded ? coded_checkpoint(what == kFused ? "fused" : "filtered") : valid_checkpoint(kind.c_str());
  test::CheckpointFiles files = whole;
  if (!input.empty() && input[0] == 0) {
    files = raw_files(input.subspan(1));
  } else {
    for (size_t i = 1; i + 3 <= input.size(); i += 3)
      edit(files, input[i] | input[i + 1] << 8, static_cast<std::byte>(input[i + 2]));
    files = repaired(files);
  }
  MemoryFileSystem fs;
  test::CheckpointDirectory directory(fs);
  directory.put(files).value();
  auto opened = find_index_kind(kind).value()->open(directory, {});
  if (!opened.ok()) return;
  std::vector<std::byte> zero(size_t{65'535} * 4);
  for (const uint32_t effort : {1u, 64u}) {
    SearchRequest request;
    request.query = {zero.data(), ScalarType::kF32, 4};
    request.effort = effort;
    request.k = effort;
    (void)opened.value()->search(request).ok();
    const LabelQuery labels{LabelMatch::kAny, {1, 4}};
    request.labels = &labels;
    for (const FilterPlan plan : {FilterPlan::kLabels, FilterPlan::kScan}) {
      request.plan = plan;
      (void)opened.value()->search(request).ok();
    }
  }
  const Row next = 1'000'000;
  (void)opened.value()->add(std::span(&next, 1), {zero.data(), ScalarType::kF32, 4, 1}).ok();
}

}  // namespace kith::fuzz
