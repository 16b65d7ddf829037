#include "index/checkpoint.h"

#include <algorithm>
#include <numeric>

#include "base/bytes.h"

namespace kith {
namespace {

constexpr uint32_t kSpec = section_tag("SPEC");
constexpr uint32_t kRows = section_tag("ROWS");
constexpr uint32_t kDead = section_tag("DEAD");
constexpr uint32_t kVectors = section_tag("VECS");
constexpr uint64_t kSpecBytesMax = 1 << 16;
constexpr Node kBatch = 4096;
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

Result<void> write_vectors(SectionFileWriter& writer, Node nodes, const VectorStore& vectors) {
  const size_t bytes = vectors.space().bytes();
  std::vector<Node> batch;
  FetchedRows room;
  SearchStats stats;
  for (Node node = 0; node < nodes; node += static_cast<Node>(batch.size())) {
    batch.resize(std::min<uint64_t>(kBatchBytes / bytes + 1, nodes - node));
    std::iota(batch.begin(), batch.end(), node);
    const void* const* rows = TRY(vectors.fetch(batch, room, stats));
    for (size_t i = 0; i < batch.size(); ++i)
      TRY(writer.append({static_cast<const std::byte*>(rows[i]), bytes}));
  }
  return {};
}

Result<void> read_vectors(const SectionFile& file, Node nodes, VectorStore& vectors, Node settled) {
  TRY(vectors.grow(nodes));
  SectionReader reader = TRY(SectionReader::open(file, kVectors));
  std::vector<std::byte> vector(vectors.space().bytes());
  const Node step = static_cast<Node>(kBatchBytes / vector.size() + 1);
  for (Node node = 0; node < nodes;) {
    TRY(reader.read(vector));
    vectors.set_stored(node, vector.data());
    if (++node % step != 0 && node < nodes) continue;
    TRY(vectors.write_behind(node));
    vectors.release(std::min(node, settled));
  }
  return reader.finish();
}

}  // namespace

Result<void> write_common(SectionFileWriter& writer, const IndexSpec& spec, Node nodes, const RowTable& rows,
                          const VectorStore& vectors) {
  writer.begin(kSpec);
  TRY(writer.append(encode_spec(spec, nodes)));
  writer.begin(kRows);
  for (Node node = 0; node < nodes; ++node) {
    const Row row = rows.row(node);
    TRY(writer.append_numbers(std::span(&row, 1)));
  }
  writer.begin(kDead);
  std::vector<uint8_t> dead((uint64_t{nodes} + 7) / 8);
  for (Node node = 0; node < nodes; ++node)
    if (rows.removed(node)) dead[node / 8] |= static_cast<uint8_t>(1 << node % 8);
  TRY(writer.append_numbers(std::span<const uint8_t>(dead)));
  writer.begin(kVectors);
  return write_vectors(writer, nodes, vectors);
}

Result<CheckpointSpec> read_spec(const SectionFile& file) {
  SectionReader reader = TRY(SectionReader::open(file, kSpec));
  if (reader.length() > kSpecBytesMax)
    return corruption("{}: section SPEC has {} bytes, at most {} expected", file.path(), reader.length(),
                      kSpecBytesMax);
  std::vector<std::byte> bytes(reader.length());
  TRY(reader.read(bytes));
  TRY(reader.finish());
  CheckpointSpec out = TRY(decode_spec(bytes, file.path()));
  const std::pair<uint32_t, uint64_t> lengths[] = {
      {kRows, uint64_t{out.nodes} * sizeof(Row)},
      {kDead, (uint64_t{out.nodes} + 7) / 8},
      {kVectors, uint64_t{out.nodes} * vector_bytes(out.spec.type, out.spec.dim)},
  };
  for (const auto& [tag, length] : lengths) {
    const SectionReader section = TRY(SectionReader::open(file, tag));
    TRY(section.expect_length(length));
  }
  return out;
}

Result<void> read_common(const SectionFile& file, Node nodes, RowTable& rows, VectorStore& vectors,
                         Node settled) {
  TRY(read_vectors(file, nodes, vectors, settled));
  SectionReader row_reader = TRY(SectionReader::open(file, kRows));
  std::vector<Row> batch;
  for (Node node = 0; node < nodes; node += static_cast<Node>(batch.size())) {
    batch.resize(std::min<Node>(kBatch, nodes - node));
    TRY(row_reader.read(std::as_writable_bytes(std::span(batch))));
    auto reserved = rows.reserve(batch);
    if (!reserved && reserved.error().code == Code::kInvalidArgument)
      return corruption("{}: section ROWS: {}", file.path(), reserved.error().message);
    TRY(std::move(reserved));
    rows.publish(batch);
  }
  TRY(row_reader.finish());
  SectionReader dead_reader = TRY(SectionReader::open(file, kDead));
  std::vector<uint8_t> dead((uint64_t{nodes} + 7) / 8);
  TRY(dead_reader.read(std::as_writable_bytes(std::span(dead))));
  TRY(dead_reader.finish());
  for (Node node = 0; node < nodes; ++node)
    if (dead[node / 8] >> node % 8 & 1) rows.remove(node);
  return {};
}

}  // namespace kith
