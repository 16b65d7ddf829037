#include "query/collection/commit_queue.h"

#include "base/check.h"

namespace kith {

void CommitQueue::submit(WriteRequest& request) {
  using State = WriteRequest::State;
  std::unique_lock lock(mutex_);
  queue_.push_back(&request);
  if (!std::exchange(led_, true)) request.state_ = State::kLeading;
  request.wake_.wait(lock, [&] { return request.state_ != State::kWaiting; });
  if (request.state_ == State::kDone) return;

  const std::vector<WriteRequest*> group = take_group();
  CHECK(group.front() == &request);  // a leader is always first in line
  lock.unlock();
  commit_(group);
  lock.lock();
  for (WriteRequest* done : group) {
    done->state_ = State::kDone;
    if (done != &request)
      done->wake_.notify_one();  // under the mutex: its owner may destroy it once it wakes
  }
  led_ = !queue_.empty();
  if (led_) {
    queue_.front()->state_ = State::kLeading;
    queue_.front()->wake_.notify_one();
  }
}

void CommitQueue::run_exclusively(std::function<void()> task) {
  WriteRequest request;
  request.task = std::move(task);
  submit(request);
}

std::vector<WriteRequest*> CommitQueue::take_group() noexcept {
  std::vector<WriteRequest*> group;
  size_t bytes = 0;
  while (!queue_.empty()) {
    WriteRequest* next = queue_.front();
    const bool alone = next->task != nullptr || (!group.empty() && group.front()->task != nullptr);
    if (!group.empty() && (alone || bytes + next->bytes > group_bytes_max_)) break;
    bytes += next->bytes;
    group.push_back(next);
    queue_.pop_front();
  }
  return group;
}

}  // namespace kith
