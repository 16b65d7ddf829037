#include "index/vector_store.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "index/distance/normalize.h"
#include "index/extent_file.h"

namespace kith {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;  // of one call to the file

/// The file has no name that its messages could give: what it is, and what to do.
Error cannot_leave(const std::string& directory, const Error& cause) {
  return make_error(cause.code,
                    "memory=codes: vectors cannot be left in a file in directory '{}': {}; free space there "
                    "or give another directory or memory=vectors, then open the index anew",
                    directory, cause.message);
}

/// Whole cache lines where that wastes at most an eighth; else so that small vectors straddle no line.
size_t stride_for(size_t bytes) {
  if (bytes <= 64) {
    size_t power = 4;
    while (power < bytes) power *= 2;
    return power;
  }
  const size_t lines = (bytes + 63) / 64 * 64;
  return lines - bytes <= bytes / 8 ? lines : (bytes + 15) / 16 * 16;
}

}  // namespace

Result<VectorSpace> VectorSpace::of(Metric metric, ScalarType type, uint32_t dim) {
  if (dim == 0 || dim > kDimMax) return invalid_argument("dim is {}; give 1 to {}", dim, kDimMax);
  TRY(validate_metric(metric, type));
  VectorSpace space{metric, type, dim};
  space.normalised = metric == Metric::kCosine && type == ScalarType::kF32;
  space.offset = space.normalised ? 1 : 0;
  space.kernel = distance_kernel(space.normalised ? Metric::kInnerProduct : metric, type);
  CHECK(space.kernel != nullptr);
  return space;
}

Result<void> VectorSpace::check_query(const VectorView& query) const {
  if (query.dim != dim) return invalid_argument("the query has {} dimensions, the index {}", query.dim, dim);
  if (query.type != query_type(type))
    return invalid_argument("the query is {}, but an index of {} takes {}", scalar_name(query.type),
                            scalar_name(type), scalar_name(query_type(type)));
  return {};
}

Result<void> VectorSpace::check_block(std::span<const Row> rows, const VectorBlock& vectors) const {
  if (rows.size() != vectors.count)
    return invalid_argument("{} rows for {} vectors", rows.size(), vectors.count);
  if (vectors.dim != dim)
    return invalid_argument("vectors have {} dimensions, the index {}", vectors.dim, dim);
  if (vectors.type != type)
    return invalid_argument("vectors are {}, the index keeps {}", scalar_name(vectors.type),
                            scalar_name(type));
  return {};
}

const void* KernelQuery::from_user(const VectorSpace& space, const VectorView& query) {
  if (!space.normalised) return query.data;
  copy_.resize(space.dim);
  std::memcpy(copy_.data(), query.data, space.bytes());
  normalize(copy_.data(), space.dim);
  return copy_.data();
}

const void* KernelQuery::from_stored(const VectorSpace& space, const std::byte* vector) {
  if (query_type(space.type) == space.type) return vector;
  copy_.resize(space.dim);
  to_f32(vector, space.dim, space.type, copy_.data());
  return copy_.data();
}

VectorStore::VectorStore(const VectorSpace& space, bool leaves_memory)
    : space_(space), extents_(stride_for(space.bytes()), leaves_memory) {}

Result<void> VectorStore::grow(uint64_t count) {
  TRY(extents_.grow(count));
  return leaves_memory() ? sums_.grow(count) : Result<void>();
}

void VectorStore::set(Node node, const std::byte* vector) {
  set_stored(node, vector);
  if (space_.normalised) normalize(reinterpret_cast<float*>(extents_.at(node)), space_.dim);
}

Result<void> VectorStore::set_again(Node node, const std::byte* vector) {
  extent_sums_.forget(ExtentCut(0, space_.bytes()).number(node));
  keep(node);
  set(node, vector);
  if (file_ == nullptr || !file_state_ || node >= filed_) return file_state_;
  const std::span<const std::byte> row{extents_.at(node), stride()};
  sums_[node] = crc32c(row);
  if (const auto written = file_->write_again(uint64_t{node} * stride(), row); !written)
    file_state_ = cannot_leave(directory_, written.error());
  return file_state_;
}

void VectorStore::keep(Node node) {
  if (!leaves_memory()) return;
  const std::lock_guard lock(release_mutex_);
  kept_.keep(extents_.at(node), stride());
}

void VectorStore::let_go(Node node) {
  if (!leaves_memory()) return;
  const std::lock_guard lock(release_mutex_);
  const uint64_t out = std::max(released_.load(std::memory_order_relaxed), node) - node;
  const std::byte* const record = extents_.at(node);
  kept_.let_go(record, stride(), record + std::min(out, contiguous(node)) * stride());
}

void VectorStore::set_stored(Node node, const std::byte* vector) {
  std::memcpy(extents_.at(node), vector, space_.bytes());
}

Result<bool> VectorStore::holds(Node node, const std::byte* vector) const {
  std::vector<std::byte> stored(vector, vector + space_.bytes());
  if (space_.normalised) normalize(reinterpret_cast<float*>(stored.data()), space_.dim);
  FetchedRows room;
  SearchStats stats;
  const void* const* held = TRY(fetch({&node, 1}, room, stats));
  return std::memcmp(held[0], stored.data(), stored.size()) == 0;
}

Result<const void* const*> VectorStore::fetch(std::span<const Node> nodes, FetchedRows& room,
                                              SearchStats& stats) const {
  room.rows.resize(nodes.size());
  if (!leaves_memory()) {
    for (size_t i = 0; i < nodes.size(); ++i) room.rows[i] = (*this)[nodes[i]];
    return room.rows.data();
  }
  if (room.bytes.size() < nodes.size() * stride())
    room.bytes = TRY(AlignedBuffer::allocate(nodes.size() * stride()));
  const Node gone = released();
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::byte* to = room.bytes.data() + i * stride();
    room.rows[i] = to;
    if (nodes[i] >= gone) std::memcpy(to, (*this)[nodes[i]], stride());
  }
  const Node now_gone = released();
  room.parts.clear();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i] >= now_gone) continue;
    if (i > 0 && !room.parts.empty() && nodes[i] == nodes[i - 1] + 1) {
      FilePart& last = room.parts.back();
      last.out = {last.out.data(), last.out.size() + stride()};
    } else {
      room.parts.push_back({uint64_t{nodes[i]} * stride(), {room.bytes.data() + i * stride(), stride()}});
    }
  }
  if (room.parts.empty()) return room.rows.data();
  for (const FilePart& part : room.parts) stats.bytes_read += part.out.size();
  stats.ios += room.parts.size();
  TRY(file_->read(room.parts));
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i] >= now_gone) continue;
    if (crc32c({room.bytes.data() + i * stride(), stride()}) != sums_[nodes[i]])
      return corruption(
          "memory=codes: vector {} came back from the file in directory '{}' other than it "
          "went; check the device, then open the index anew",
          nodes[i], directory_);
  }
  return room.rows.data();
}

Result<void> VectorStore::start_file(FileSystem& fs, const std::string& directory) {
  CHECK(leaves_memory() && released() == 0);
  directory_ = directory;
  auto file = fs.create_scratch(directory);
  if (!file) return cannot_leave(directory, file.error());
  file_ = std::move(file).value();
  filed_ = 0;
  file_state_ = {};
  return {};
}

Result<void> VectorStore::write_behind(Node end) {
  if (file_ == nullptr) return {};
  while (file_state_ && filed_ < end) {  // after an error rows that nobody knows of may be in the file
    const uint64_t count = std::min({uint64_t{end - filed_}, contiguous(filed_), kWriteBytes / stride() + 1});
    file_state_ = append_rows(filed_, filed_ + static_cast<Node>(count));
    filed_ += static_cast<Node>(count);
  }
  return file_state_;
}

/// They lie side by side.
Result<void> VectorStore::append_rows(Node begin, Node end) {
  for (Node node = begin; node < end; ++node) sums_[node] = crc32c({extents_.at(node), stride()});
  const auto written = file_->append({extents_.at(begin), uint64_t{end - begin} * stride()});
  return written ? Result<void>() : cannot_leave(directory_, written.error());
}

void VectorStore::release(Node end) {
  const std::lock_guard lock(release_mutex_);
  const Node begin = released_.load(std::memory_order_relaxed);
  if (end <= begin) return;
  released_.store(end);
  extents_.discard(begin, end, kept_);
}

}  // namespace kith
