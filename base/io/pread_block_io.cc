#include "base/io/pread_block_io.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/io/posix_block_file.h"

namespace kith {
namespace {

Result<void> transfer(const BlockRequest& request) {
  const int fd = static_cast<PosixBlockFile*>(request.file)->fd();
  size_t done = 0;
  uint32_t retries = 0;
  BlockProgress progress;
  do {
    std::byte* const from = request.buffer.data() + done;
    const size_t left = request.buffer.size() - done;
    const auto at = static_cast<off_t>(request.offset + done);
    const ssize_t moved =
        request.op == BlockOp::kRead ? ::pread(fd, from, left, at) : ::pwrite(fd, from, left, at);
    progress = TRY(note_transfer(request, moved < 0 ? -errno : moved, done, retries));
  } while (progress == BlockProgress::kContinue);
  return {};
}

/// Shared by a queue and its tasks on the pool.
struct Shared {
  std::mutex mutex;
  std::condition_variable some_done;
  std::vector<BlockCompletion> completed;  // guarded by mutex
  Result<void> stopped;  // guarded by mutex; an error: tasks that did not start yet end with it

  void run(const BlockRequest& request) {
    Result<void> result = [this] {
      std::lock_guard lock(mutex);
      return stopped;
    }();
    if (result.ok()) result = transfer(request);
    std::lock_guard lock(mutex);
    completed.push_back({request.tag, std::move(result)});
    some_done.notify_one();
  }
};

class PreadQueue final : public BlockQueue {
 public:
  PreadQueue(ThreadPool& pool, uint32_t depth) : pool_(pool), depth_(depth) {}
  ~PreadQueue() override { cancel_all(make_error(Code::kCancelled, "the queue is going away")); }

  Result<void> submit(std::span<const BlockRequest> requests) override {
    TRY(check_block_depth(in_flight_, requests.size(), depth_));
    TRY(check_posix_requests(requests));
    for (const BlockRequest& request : requests)
      pool_.submit([shared = shared_, request] { shared->run(request); });
    in_flight_ += requests.size();
    return {};
  }

  std::span<const BlockCompletion> wait(size_t at_least, const Stop& stop) override {
    at_least = std::min(at_least, in_flight_);
    Result<void> wanted = wait_until(at_least, stop);
    if (!wanted.ok()) cancel_all(std::move(wanted).error());
    handed_out_.clear();
    std::lock_guard lock(shared_->mutex);
    handed_out_.swap(shared_->completed);
    in_flight_ -= handed_out_.size();
    return handed_out_;
  }

  size_t in_flight() const override { return in_flight_; }

 private:
  /// The error of `stop` when it comes first.
  Result<void> wait_until(size_t count, const Stop& stop) {
    std::unique_lock lock(shared_->mutex);
    while (shared_->completed.size() < count) {
      lock.unlock();
      TRY(stop.check());
      lock.lock();
      auto enough = [&] { return shared_->completed.size() >= count; };
      shared_->some_done.wait_until(lock, next_look(stop), enough);
    }
    return {};
  }

  void cancel_all(Error why) {
    std::unique_lock lock(shared_->mutex);
    shared_->stopped = std::move(why);
    shared_->some_done.wait(lock, [this] { return shared_->completed.size() == in_flight_; });
    shared_->stopped = {};
  }

  ThreadPool& pool_;
  const uint32_t depth_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  size_t in_flight_ = 0;
  std::vector<BlockCompletion> handed_out_;
};

}  // namespace

Result<std::unique_ptr<BlockFile>> PreadBlockIo::open(const std::string& path, const BlockOpen& how) {
  return PosixBlockFile::open(path, how);
}

Result<std::unique_ptr<BlockQueue>> PreadBlockIo::queue(const BlockQueueOptions& options) {
  TRY(check_block_queue(options));
  return std::unique_ptr<BlockQueue>(std::make_unique<PreadQueue>(pool_, options.depth));
}

}  // namespace kith
