#include "base/io/uring_block_io.h"

#include <liburing.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "base/io/posix_block_file.h"

namespace kith {
namespace {

constexpr uint64_t kCancelTag = UINT64_MAX;  // user_data of cancellations; requests have their slot's number

/// One request in flight.
struct Slot {
  BlockRequest request;
  size_t done = 0;  // bytes
  uint32_t retries = 0;
};

int init_ring(uint32_t depth, io_uring& ring) {
  const int result = io_uring_queue_init(
      depth, &ring, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CLAMP);
  return result == -EINVAL ? io_uring_queue_init(depth, &ring, 0) : result;  // before Linux 5.19
}

/// The ring writes a buffer until the request's completion entry is seen; so a slot, and with it the caller's
/// buffer, is free only then, cancelled or not. Registered buffers and files are indexes into tables the
/// kernel pinned once.
class UringQueue final : public BlockQueue {
 public:
  explicit UringQueue(uint32_t depth) : depth_(depth), slots_(depth) {
    for (uint32_t i = depth; i-- > 0;) free_.push_back(i);
    completed_.reserve(depth);
    handed_out_.reserve(depth);
  }
  ~UringQueue() override {
    if (!ready_) return;
    cancel_all(make_error(Code::kCancelled, "the queue is going away"));
    io_uring_queue_exit(&ring_);
  }

  Result<void> start(const BlockQueueOptions& options) {
    const int result = init_ring(depth_, ring_);
    if (result < 0)
      return resource_exhausted("cannot make an io_uring of depth {}: {}", depth_,
                                std::generic_category().message(-result));
    ready_ = true;
    register_memory(options.registered);
    register_files(options.files);
    return {};
  }

  Result<void> submit(std::span<const BlockRequest> requests) override {
    TRY(check_block_depth(in_flight(), requests.size(), depth_));
    TRY(check_posix_requests(requests));
    for (const BlockRequest& request : requests) {
      const uint32_t slot = free_.back();
      free_.pop_back();
      slots_[slot] = {request, 0, 0};
      prepare(slot);
    }
    push();
    return {};
  }

  std::span<const BlockCompletion> wait(size_t at_least, const Stop& stop) override {
    at_least = std::min(at_least, in_flight());
    reap();
    while (completed_.size() < at_least) {
      Result<void> wanted = stop.check();
      if (!wanted.ok()) {
        cancel_all(std::move(wanted).error());
        break;
      }
      sleep_until(next_look(stop));
      reap();
    }
    handed_out_.clear();
    handed_out_.swap(completed_);
    return handed_out_;
  }

  size_t in_flight() const override { return at_kernel() + completed_.size(); }

 private:
  struct Answer {
    uint64_t tag;
    int32_t result;
  };

  /// Registering saves the kernel a page walk and a file look-up per request. It may be refused
  /// (RLIMIT_MEMLOCK, pipes): requests then go the ordinary way.
  void register_memory(std::span<std::byte> memory) {
    constexpr size_t kRegionMax = size_t{1} << 30;  // the kernel's limit for one registered buffer
    for (size_t at = 0; at < memory.size(); at += kRegionMax) {
      const auto region = memory.subspan(at, std::min(kRegionMax, memory.size() - at));
      regions_.push_back({region.data(), region.size()});
    }
    if (regions_.empty()) return;
    if (io_uring_register_buffers(&ring_, regions_.data(), static_cast<unsigned>(regions_.size())) < 0)
      regions_.clear();
  }

  void register_files(std::span<BlockFile* const> files) {
    std::vector<int> descriptors;
    for (BlockFile* file : files) descriptors.push_back(static_cast<PosixBlockFile*>(file)->fd());
    if (descriptors.empty()) return;
    if (io_uring_register_files(&ring_, descriptors.data(), static_cast<unsigned>(descriptors.size())) < 0)
      return;
    for (size_t i = 0; i < files.size(); ++i) file_indexes_.emplace(files[i], static_cast<int>(i));
  }

  /// Index of the registered region that holds the buffer whole, or -1.
  int region_of(std::span<const std::byte> buffer) const {
    for (size_t i = 0; i < regions_.size(); ++i) {
      const auto* first = static_cast<const std::byte*>(regions_[i].iov_base);
      if (buffer.data() >= first && buffer.data() + buffer.size() <= first + regions_[i].iov_len)
        return static_cast<int>(i);
    }
    return -1;
  }

  /// Requests always find room: at most `depth` exist. Cancellations come on top of them and may have to wait
  /// until the kernel has taken what was there before.
  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (entry == nullptr) {
      push();
      reap();
      entry = io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  void prepare(uint32_t slot) {
    const Slot& work = slots_[slot];
    const auto left = work.request.buffer.subspan(work.done);
    const auto length = static_cast<unsigned>(left.size());
    const uint64_t offset = work.request.offset + work.done;
    const auto known = file_indexes_.find(work.request.file);
    const bool fixed_file = known != file_indexes_.end();
    const int fd = fixed_file ? known->second : static_cast<PosixBlockFile*>(work.request.file)->fd();
    const int region = region_of(left);
    const bool reads = work.request.op == BlockOp::kRead;

    io_uring_sqe* entry = next_entry();
    if (region >= 0 && reads) {
      io_uring_prep_read_fixed(entry, fd, left.data(), length, offset, region);
    } else if (region >= 0) {
      io_uring_prep_write_fixed(entry, fd, left.data(), length, offset, region);
    } else if (reads) {
      io_uring_prep_read(entry, fd, left.data(), length, offset);
    } else {
      io_uring_prep_write(entry, fd, left.data(), length, offset);
    }
    if (fixed_file) io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
    io_uring_sqe_set_data64(entry, slot);
  }

  /// Entries that the kernel does not take now (EAGAIN, EBUSY, EINTR, ENOMEM) stay in the ring for the next
  /// call.
  void push() { check_ring(io_uring_submit(&ring_)); }

  static void check_ring(int result) {
    CHECK(result >= 0 || result == -EAGAIN || result == -EBUSY || result == -EINTR || result == -ENOMEM ||
          result == -ETIME);
  }

  void sleep_until(std::chrono::steady_clock::time_point when) {
    const auto left =
        std::max(when - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration::zero());
    const auto ns = std::chrono::nanoseconds(left).count();
    __kernel_timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    io_uring_cqe* ignored = nullptr;
    check_ring(io_uring_submit_and_wait_timeout(&ring_, &ignored, 1, &timeout, nullptr));
  }

  /// Takes what the kernel has completed; goes on with what it did in part. The answers are copied out before
  /// they are looked at, for going on may need their room in the completion ring.
  void reap() {
    io_uring_cqe* entries[64];
    Answer answers[std::size(entries)];
    while (const unsigned count = io_uring_peek_batch_cqe(&ring_, entries, std::size(entries))) {
      for (unsigned i = 0; i < count; ++i) answers[i] = {entries[i]->user_data, entries[i]->res};
      io_uring_cq_advance(&ring_, count);
      for (unsigned i = 0; i < count; ++i) take(answers[i]);
    }
  }

  void take(const Answer& answer) {
    if (answer.tag == kCancelTag) {
      --cancels_;
      return;
    }
    const auto slot = static_cast<uint32_t>(answer.tag);
    Slot& work = slots_[slot];
    const bool stopping = !stopped_.ok();
    if (stopping && (answer.result == -ECANCELED || answer.result == -EINTR || answer.result == -EAGAIN))
      return finish(slot, stopped_.error());
    const Result<BlockProgress> progress =
        note_transfer(work.request, answer.result, work.done, work.retries);
    if (!progress.ok()) return finish(slot, progress.error());
    if (*progress == BlockProgress::kDone) return finish(slot, {});
    if (stopping) return finish(slot, stopped_.error());
    prepare(slot);
    push();
  }

  void finish(uint32_t slot, Result<void> result) {
    completed_.push_back({slots_[slot].request.tag, std::move(result)});
    slots_[slot].request.file = nullptr;
    free_.push_back(slot);
  }

  size_t at_kernel() const { return depth_ - free_.size(); }

  void cancel_all(Error why) {
    reap();
    stopped_ = std::move(why);
    for (uint32_t slot = 0; slot < depth_; ++slot) {
      if (slots_[slot].request.file == nullptr) continue;
      io_uring_sqe* entry = next_entry();
      if (slots_[slot].request.file == nullptr) {  // done while we waited for the entry
        io_uring_prep_nop(entry);
      } else {
        io_uring_prep_cancel64(entry, slot, 0);
      }
      io_uring_sqe_set_data64(entry, kCancelTag);
      ++cancels_;
    }
    push();
    while (at_kernel() > 0 || cancels_ > 0) {
      sleep_until(std::chrono::steady_clock::now() + std::chrono::seconds(1));
      reap();
    }
    stopped_ = {};
  }

  const uint32_t depth_;
  io_uring ring_{};
  bool ready_ = false;
  std::vector<iovec> regions_;
  std::unordered_map<const BlockFile*, int> file_indexes_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;  // slots
  size_t cancels_ = 0;          // cancellations whose completion has not come
  Result<void> stopped_;        // an error while everything is being cancelled
  std::vector<BlockCompletion> completed_;
  std::vector<BlockCompletion> handed_out_;
};

}  // namespace

Result<std::unique_ptr<BlockIo>> UringBlockIo::create() {
  io_uring ring{};
  const int result = init_ring(2, ring);
  if (result < 0)
    return failed_precondition("the kernel refuses io_uring: {}", std::generic_category().message(-result));
  const bool new_enough = (ring.features & IORING_FEAT_EXT_ARG) != 0;
  io_uring_queue_exit(&ring);
  if (!new_enough) return failed_precondition("the kernel's io_uring is older than Linux 5.11");
  return std::unique_ptr<BlockIo>(std::make_unique<UringBlockIo>());
}

Result<std::unique_ptr<BlockFile>> UringBlockIo::open(const std::string& path, const BlockOpen& how) {
  return PosixBlockFile::open(path, how);
}

Result<std::unique_ptr<BlockQueue>> UringBlockIo::queue(const BlockQueueOptions& options) {
  TRY(check_block_queue(options));
  auto queue = std::make_unique<UringQueue>(options.depth);
  TRY(queue->start(options));
  return std::unique_ptr<BlockQueue>(std::move(queue));
}

}  // namespace kith
