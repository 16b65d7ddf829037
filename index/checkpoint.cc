#include "index/checkpoint.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "index/bit_stream.h"

namespace kith {
namespace {

constexpr uint32_t kSpec = section_tag("SPEC");
constexpr uint32_t kRows = section_tag("ROWS");
constexpr uint32_t kRowsByNode = section_tag("ROWN");
constexpr uint32_t kDead = section_tag("DEAD");
constexpr uint32_t kVectorSums = section_tag("VSUM");
constexpr ExtentKind kVectors{"vectors", "KITHVECS", 1};
constexpr uint64_t kSpecBytesMax = 1 << 16;
constexpr Node kBatch = 4096;                    // rows at a time: a whole number of bytes, whatever w is
constexpr size_t kBatchBytes = size_t{1} << 20;  // of vectors on their way through memory

std::vector<std::byte> encode_spec(const IndexSpec& spec, Node nodes) {
  ByteWriter out;
  out.number(spec.metric);
  out.number(spec.type);
  out.number(uint16_t{0});
  out.number(spec.dim);
  out.number(spec.seed);
  out.number(uint64_t{nodes});
  out.number(static_cast<uint32_t>(spec.options.size()));
  for (const auto& [name, value] : spec.options) {
    out.text(name);
    out.text(value);
  }
  return out.take();
}

Result<CheckpointSpec> decode_spec(std::span<const std::byte> bytes, const std::string& path) {
  ByteReader in(bytes, path);
  CheckpointSpec out;
  const auto metric = TRY(in.number<uint8_t>());
  const auto type = TRY(in.number<uint8_t>());
  TRY(in.number<uint16_t>());
  out.spec.dim = TRY(in.number<uint32_t>());
  out.spec.seed = TRY(in.number<uint64_t>());
  const auto nodes = TRY(in.number<uint64_t>());
  const auto options = TRY(in.number<uint32_t>());
  if (metric >= kMetrics || type >= kScalarTypes || nodes > kNodesMax || options > 256 || out.spec.dim == 0 ||
      out.spec.dim > kDimMax)
    return corruption("{}: section SPEC has metric {}, type {}, dim {}, {} vectors, {} options", path, metric,
                      type, out.spec.dim, nodes, options);
  for (uint32_t i = 0; i < options; ++i) {
    const std::string_view name = TRY(in.text());
    const std::string_view value = TRY(in.text());
    out.spec.options.emplace_back(name, value);
  }
  TRY(in.finish());
  out.spec.metric = static_cast<Metric>(metric);
  out.spec.type = static_cast<ScalarType>(type);
  out.nodes = static_cast<Node>(nodes);
  return out;
}

/// The vectors of an extent, a batch at a time where they do not lie side by side in memory.
Result<void> give_vectors(const VectorStore& vectors, const Extent& extent, const ByteSink& sink) {
  const size_t bytes = vectors.space().bytes();
  if (!vectors.leaves_memory() && vectors.stride() == bytes)
    return sink({vectors[extent.first], extent.nodes() * bytes});
  std::vector<Node> nodes;
  std::vector<std::byte> batch;
  FetchedRows room;
  SearchStats stats;
  for (Node node = extent.first; node < extent.end; node += static_cast<Node>(nodes.size())) {
    nodes.resize(std::min<uint64_t>(kBatchBytes / bytes + 1, extent.end - node));
    std::iota(nodes.begin(), nodes.end(), node);
    const void* const* rows = TRY(vectors.fetch(nodes, room, stats));
    batch.resize(nodes.size() * bytes);
    for (size_t i = 0; i < nodes.size(); ++i) std::memcpy(&batch[i * bytes], rows[i], bytes);
    TRY(sink(batch));
  }
  return {};
}

template <typename NumberOf>
Result<void> write_numbers(SectionFileWriter& main, uint32_t tag, Node nodes, NumberOf number_of) {
  uint32_t most = 0;
  for (Node node = 0; node < nodes; ++node) most = std::max(most, number_of(node));
  const uint32_t width = static_cast<uint32_t>(std::bit_width(most));
  main.begin(tag);
  TRY(main.append_numbers(std::span(&width, 1)));
  BitWriter bits;
  for (Node node = 0; node < nodes; ++node) {
    bits.put(number_of(node), width);
    if ((node + 1) % kBatch == 0) TRY(main.append(bits.take()));
  }
  return main.append(bits.take());
}

Result<void> write_rows(SectionFileWriter& main, Node nodes, const RowTable& rows) {
  bool ascend = true;
  for (Node node = 1; node < nodes && ascend; ++node) ascend = rows.row(node - 1) < rows.row(node);
  if (!ascend) return write_numbers(main, kRowsByNode, nodes, [&](Node node) { return rows.row(node); });
  const auto left_out = [&](Node node) { return rows.row(node) - (node == 0 ? 0 : rows.row(node - 1) + 1); };
  return write_numbers(main, kRows, nodes, left_out);
}

/// `take` gets them a batch at a time.
template <typename Take>
Result<void> read_numbers(const SectionFile& main, uint32_t tag, Node nodes, Take take) {
  SectionReader reader = TRY(SectionReader::open(main, tag));
  uint32_t width = 0;
  TRY(reader.read(std::as_writable_bytes(std::span(&width, 1))));
  if (width > 32) return corruption("{}: section ROWS: numbers of {} bits", main.name(), width);
  TRY(reader.expect_length(sizeof width + (uint64_t{nodes} * width + 7) / 8));
  std::vector<uint32_t> batch;
  std::vector<std::byte> bytes;
  for (Node node = 0; node < nodes; node += static_cast<Node>(batch.size())) {
    batch.resize(std::min<Node>(kBatch, nodes - node));
    bytes.resize((batch.size() * width + 7) / 8);
    TRY(reader.read(bytes));
    BitReader bits(bytes);
    for (uint32_t& number : batch) number = bits.get(width);
    TRY(take(std::span(batch)));
  }
  return reader.finish();
}

Result<void> read_ascending_rows(const SectionFile& main, Node nodes, RowTable& rows) {
  uint64_t next = 0;
  return read_numbers(main, kRows, nodes, [&](std::span<uint32_t> batch) -> Result<void> {
    for (uint32_t& number : batch) {
      next += number;
      if (next >= kNoRow) return corruption("{}: section ROWS: row {} cannot be", main.name(), next);
      number = static_cast<Row>(next++);
    }
    TRY(rows.reserve(batch));
    rows.publish(batch);
    return {};
  });
}

Result<void> read_rows_by_node(const SectionFile& main, Node nodes, RowTable& rows) {
  std::vector<Row> all;
  TRY(read_numbers(main, kRowsByNode, nodes, [&](std::span<uint32_t> batch) -> Result<void> {
    all.insert(all.end(), batch.begin(), batch.end());
    return {};
  }));
  const Result<void> restored = rows.restore(all);
  if (!restored && restored.error().code == Code::kInvalidArgument)
    return corruption("{}: section ROWN: {}", main.name(), restored.error().message);
  return restored;
}

}  // namespace

Result<std::vector<uint32_t>> write_vectors(CheckpointOutput& out, Node nodes, const VectorStore& vectors) {
  const ExtentCut cut(nodes, vectors.space().bytes());
  std::vector<uint32_t> sums;
  for (uint32_t i = 0; i < cut.size(); ++i) {
    const Extent extent = cut[i];
    const ByteSource source = [&](const ByteSink& sink) { return give_vectors(vectors, extent, sink); };
    std::optional<uint32_t> sum = vectors.extent_sums().find(i);
    if (!sum || !cut.full(extent)) sum = TRY(checksum_of(source));
    if (cut.full(extent)) vectors.extent_sums().remember(i, *sum);
    TRY(write_extent(out, kVectors, extent, *sum, extent.nodes() * vectors.space().bytes(), source));
    sums.push_back(*sum);
  }
  return sums;
}

Result<void> write_common(SectionFileWriter& main, const IndexSpec& spec, Node nodes, const RowTable& rows,
                          std::span<const uint32_t> vector_sums) {
  main.begin(kSpec);
  TRY(main.append(encode_spec(spec, nodes)));
  TRY(write_rows(main, nodes, rows));
  NodeBits dead(nodes);
  for (Node node = 0; node < nodes; ++node)
    if (rows.removed(node)) dead.set(node);
  TRY(write_bits(main, kDead, dead));
  return write_sums(main, kVectorSums, vector_sums);
}

Result<void> write_bits(SectionFileWriter& main, uint32_t tag, const NodeBits& bits) {
  main.begin(tag);
  return main.append(bits.bytes());
}

Result<NodeBits> read_bits(const SectionFile& main, uint32_t tag, Node nodes) {
  SectionReader reader = TRY(SectionReader::open(main, tag));
  TRY(reader.expect_length(NodeBits::byte_count(nodes)));
  NodeBits bits(nodes);
  TRY(reader.read(bits.bytes()));
  TRY(reader.finish());
  for (Node end = nodes; end % 8 != 0; ++end)  // beyond the last node
    if ((bits.bytes().back() >> end % 8 & std::byte{1}) != std::byte{0})
      return corruption("{}: a bit for node {} of {}", main.name(), end, nodes);
  return bits;
}

Result<CheckpointSpec> read_spec(const CheckpointInput& in, const SectionFile& main) {
  SectionReader reader = TRY(SectionReader::open(main, kSpec));
  if (reader.length() > kSpecBytesMax)
    return corruption("{}: section SPEC has {} bytes, at most {} expected", main.name(), reader.length(),
                      kSpecBytesMax);
  std::vector<std::byte> bytes(reader.length());
  TRY(reader.read(bytes));
  TRY(reader.finish());
  CheckpointSpec out = TRY(decode_spec(bytes, main.name()));
  const SectionReader dead = TRY(SectionReader::open(main, kDead));
  TRY(dead.expect_length(NodeBits::byte_count(out.nodes)));
  const size_t vector = vector_bytes(out.spec.type, out.spec.dim);
  const ExtentCut cut(out.nodes, vector);
  const std::vector<uint32_t> sums = TRY(read_sums(main, kVectorSums, cut));
  for (uint32_t i = 0; i < cut.size(); ++i) {
    const SectionFile file = TRY(open_extent(in, kVectors, cut[i], sums[i]));
    const SectionReader data = TRY(SectionReader::open(file, kExtentData));
    TRY(data.expect_length(cut[i].nodes() * vector));
  }
  return out;
}

Result<void> read_rows(const SectionFile& main, Node nodes, RowTable& rows) {
  TRY(main.has(kRowsByNode) ? read_rows_by_node(main, nodes, rows) : read_ascending_rows(main, nodes, rows));
  const NodeBits dead = TRY(read_bits(main, kDead, nodes));
  for (Node node = 0; node < nodes; ++node)
    if (dead.has(node)) rows.remove(node);
  return {};
}

Result<VectorReader> VectorReader::open(const CheckpointInput& in, const SectionFile& main, Node nodes,
                                        VectorStore& vectors) {
  VectorReader reader(in, nodes, vectors);
  reader.sums_ = TRY(read_sums(main, kVectorSums, reader.cut_));
  return reader;
}

/// `after(node)` comes when all of the extent below `node` are in place.
template <typename After>
Result<void> VectorReader::read(const Extent& extent, After after) const {
  const SectionFile file = TRY(open_extent(*in_, kVectors, extent, sums_[extent.number]));
  SectionReader reader = TRY(SectionReader::open(file, kExtentData));
  const size_t bytes = vectors_->space().bytes();
  TRY(reader.expect_length(extent.nodes() * bytes));
  std::vector<std::byte> apart;
  const Node step = static_cast<Node>(kBatchBytes / bytes + 1);
  for (Node node = extent.first; node < extent.end;) {
    const size_t count = std::min(step, extent.end - node);
    if (vectors_->stride() == bytes) {
      TRY(reader.read({vectors_->extents().at(node), count * bytes}));
    } else {
      apart.resize(count * bytes);
      TRY(reader.read(apart));
      for (size_t i = 0; i < count; ++i) vectors_->set_stored(node + static_cast<Node>(i), &apart[i * bytes]);
    }
    node += static_cast<Node>(count);
    TRY(after(node));
  }
  TRY(reader.finish());
  if (cut_.full(extent)) vectors_->extent_sums().remember(extent.number, sums_[extent.number]);
  return {};
}

Result<void> VectorReader::read(uint32_t extent) const {
  return read(cut_[extent], [](Node) { return Result<void>(); });
}

Result<void> VectorReader::read_to_file(Node settled) const {
  const auto leave = [&](Node node) -> Result<void> {
    TRY(vectors_->write_behind(node));
    vectors_->release(std::min(node, settled));
    return {};
  };
  for (uint32_t i = 0; i < cut_.size(); ++i) TRY(read(cut_[i], leave));
  return {};
}

}  // namespace kith
