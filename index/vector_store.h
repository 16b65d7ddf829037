// VectorStore: an index's copy of its vectors, and how distances among them are taken.
//
// Rows start on 64 bytes where that wastes little. Cosine over f32 keeps vectors scaled to length 1 and works
// with the negated inner product, one multiplication an element instead of three; `offset` makes it a cosine
// distance again. All other pairs keep the bytes as given. Distances inside an index ("raw") are those of the
// kernel, squared for L2.
//
// A store that leaves memory (memory=codes) is an image of itself in a scratch file plus the rows from
// `released` on in memory. Rows are appended to the file before anybody may know of them, so whoever finds a
// row released finds it in the file. Released memory is not unmapped: it turns into zeros under whoever still
// reads it, who must therefore ask `released` again AFTER reading, and throw away what is below it. That is
// enough: released is stored before the pages go, and to see a zero page its reader had to fault it in,
// behind the page table lock under which the old page went. So no reader waits, and none needs to be waited
// for. A vector that comes to a released row (set_again) goes to the file, too, and lies in memory as long as
// its linker, who alone may look for it there, needs it.
//
// The file is never synced, so the system may lose what it took (an error of the device after the call, a
// full pool of blocks behind a file system) and say so to nobody: a checksum of each row stays in memory, and
// what comes back is compared with it.
#pragma once

#include <atomic>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/io/file_system.h"
#include "base/vector_view.h"
#include "index/distance/distance.h"
#include "index/extent_store.h"
#include "index/extent_sums.h"
#include "index/index.h"
#include "index/kept_pages.h"

namespace kith {

inline constexpr uint32_t kDimMax = 65'535;

/// Metric, type and dimension with the kernel that serves them.
struct VectorSpace {
  Metric metric = Metric::kL2;
  ScalarType type = ScalarType::kF32;
  uint32_t dim = 0;
  bool normalised = false;  // stored vectors have length 1 (or 0)
  float offset = 0;         // distance of Neighbor = raw distance + offset
  DistanceFn kernel = nullptr;

  /// InvalidArgument when metric, type or dim do not go together.
  static Result<VectorSpace> of(Metric metric, ScalarType type, uint32_t dim);

  size_t bytes() const { return vector_bytes(type, dim); }
  /// InvalidArgument when the query's type or dimension is not this space's.
  Result<void> check_query(const VectorView& query) const;
  /// The same for vectors to be stored.
  Result<void> check_block(std::span<const Row> rows, const VectorBlock& vectors) const;

  bool operator==(const VectorSpace&) const = default;
};

/// A query in the form the kernel wants: a view of the caller's bytes, or a scaled or widened copy.
class KernelQuery {
 public:
  /// A query as it came from outside.
  const void* from_user(const VectorSpace& space, const VectorView& query);
  /// A stored vector, to measure its distance to others.
  const void* from_stored(const VectorSpace& space, const std::byte* vector);

 private:
  std::vector<float> copy_;
};

/// Where VectorStore::fetch puts rows; reused.
struct FetchedRows {
  std::vector<const void*> rows;
  std::vector<FilePart> parts;
  AlignedBuffer bytes;
};

class VectorStore {
 public:
  explicit VectorStore(const VectorSpace& space, bool leaves_memory = false);

  const VectorSpace& space() const { return space_; }
  Result<void> grow(uint64_t count);
  /// Writes vector `node`, which must not be visible to readers yet.
  void set(Node node, const std::byte* vector);
  /// The same for a node that had another vector before, of which no reader knows any more. No checkpoint is
  /// under way. Where there is a file, it goes there; errors as write_behind.
  Result<void> set_again(Node node, const std::byte* vector);
  /// From now on vector `node` is in memory, wherever else it is, until who keeps it lets it go: before it is
  /// set. set_again does so. Any thread.
  void keep(Node node);
  void let_go(Node node);
  /// Writes bytes in stored form (from a checkpoint).
  void set_stored(Node node, const std::byte* vector);
  /// Whether vector `node` came of these bytes; an error as fetch.
  Result<bool> holds(Node node, const std::byte* vector) const;
  /// Of stores that leave memory: good for nodes from released() on, asked afterwards, and for who keeps
  /// the node.
  const std::byte* operator[](Node node) const { return extents_.at(node); }
  /// Vectors of any nodes, in memory or not: as many addresses as nodes, good until `room` is used again.
  /// Corruption where the file does not give back what it was given.
  Result<const void* const*> fetch(std::span<const Node> nodes, FetchedRows& room, SearchStats& stats) const;

  bool leaves_memory() const { return extents_.discards(); }
  /// From now on the store has a file, empty so far; replaces one that failed. The writer, like grow.
  Result<void> start_file(FileSystem& fs, const std::string& directory);
  /// Vectors of nodes [0, end) have been set: those that are not in the file yet go there, if there is one.
  /// After an error nothing can be added any more: its message says what to do.
  Result<void> write_behind(Node end);
  /// Nodes [0, end), in the file, leave memory. Any thread.
  void release(Node end);
  /// Nodes below it are in the file only.
  Node released() const {
    std::atomic_thread_fence(std::memory_order_acquire);
    return released_.load(std::memory_order_acquire);
  }

  /// In memory of nodes below it, until these are let go.
  uint64_t kept_bytes() const {
    const std::lock_guard lock(release_mutex_);
    return kept_.bytes();
  }

  /// Of whole extents as checkpoints cut them, until one of their vectors is set again.
  ExtentSums& extent_sums() const { return extent_sums_; }

  const ExtentStore& extents() const { return extents_; }
  size_t stride() const { return extents_.stride(); }
  uint64_t contiguous(Node node) const { return extents_.contiguous(node); }

 private:
  Result<void> append_rows(Node begin, Node end);

  VectorSpace space_;
  ExtentStore extents_;
  mutable ExtentSums extent_sums_;
  ExtentArray<uint32_t> sums_;         // CRC-32C of each row in the file
  std::string directory_;              // of the file; for messages
  std::unique_ptr<ScratchFile> file_;  // changed by the writer as long as nothing is released
  Node filed_ = 0;                     // the writer's own: rows in the file
  Result<void> file_state_;            // the writer's own
  mutable std::mutex release_mutex_;
  KeptPages kept_;                 // guarded by release_mutex_
  std::atomic<Node> released_{0};  // written under release_mutex_
};

}  // namespace kith
