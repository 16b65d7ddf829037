#include "query/collection/commit_queue.h"

#include <exception>

#include "base/check.h"

namespace kith {

void CommitQueue::submit(WriteRequest& request) {
  wait_or_lead(request);
  under_way_.fetch_sub(1);
}

void CommitQueue::wait_or_lead(WriteRequest& request) {
  using State = WriteRequest::State;
  std::unique_lock lock(mutex_);
  queue_.push_back(&request);  // may throw: nothing has changed yet
  under_way_.fetch_add(1);
  if (!std::exchange(led_, true)) request.state_ = State::kLeading;
  request.wake_.wait(lock, [&] { return request.state_ != State::kWaiting; });
  if (request.state_ == State::kDone) return;

  Group room;
  const std::span<WriteRequest* const> group(room.data(), take_group(room));
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

void CommitQueue::run_exclusively(const std::function<void()>& task) {
  std::exception_ptr thrown;
  WriteRequest request;
  request.task = [&] {
    try {
      task();
    } catch (...) {
      thrown = std::current_exception();
    }
  };
  submit(request);
  if (thrown != nullptr) std::rethrow_exception(thrown);
}

size_t CommitQueue::take_group(Group& group) {
  size_t count = 0;
  size_t bytes = 0;
  while (!queue_.empty() && count < kGroupMax) {
    WriteRequest* next = queue_.front();
    const bool alone = next->task != nullptr || (count > 0 && group[0]->task != nullptr);
    if (count > 0 && (alone || bytes + next->bytes > group_bytes_max_)) break;
    bytes += next->bytes;
    group[count++] = next;
    queue_.pop_front();
  }
  return count;
}

}  // namespace kith
