#include "server/grpc/upsert_reactor.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "server/api/wire_limits.h"
#include "server/grpc/codec.h"
#include "server/grpc/slot.h"
#include "server/grpc/status.h"

namespace kith {
namespace {

using grpc::ByteBuffer;

class UpsertReactor final : public grpc::ServerBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  UpsertReactor(Api& api, Admission& admission, RunningCalls& running, std::atomic<uint32_t>& streams)
      : api_(api), admission_(admission), running_(running), slot_(streams, limits::kBulkStreams.max) {
    if (!running_) {
      Finish(grpc_status(unavailable("{}", kShuttingDown)));
      return;
    }
    if (!slot_) {
      Finish(grpc_status(
          resource_exhausted("{} bulk streams are open (limit 'bulk_streams'); close one or try later",
                             limits::kBulkStreams.max)));
      return;
    }
    const grpc::Status started = guarded([this] {
      worker_ = std::thread([this] { work(); });  // sleeps until there is a batch
      return grpc::Status::OK;
    });
    if (!started.ok()) {
      Finish(started);
      return;
    }
    std::lock_guard lock(mutex_);
    read_more();
  }

  void OnReadDone(bool ok) override {
    std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok) {
      reads_done_ = true;
    } else {
      keep_incoming();
      read_more();
    }
    changed_.notify_all();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) cancelled_ = true;
    changed_.notify_all();
  }

  void OnCancel() override {
    cancelled_ = true;
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  }

  void OnDone() override {
    if (worker_.joinable()) {
      // The worker's last act is Finish, which may bring us here on its own thread.
      if (worker_.get_id() == std::this_thread::get_id()) {
        worker_.detach();
      } else {
        worker_.join();
      }
    }
    delete this;
  }

 private:
  /// mutex_ held.
  void keep_incoming() {
    const size_t bytes = incoming_.Length();
    try {
      waiting_.push_back(std::move(incoming_));
    } catch (const std::bad_alloc&) {  // gRPC would swallow it, and both sides wait for each other
      starved_ = reads_done_ = true;
      return;
    }
    waiting_bytes_ += bytes;
    incoming_ = ByteBuffer();
  }

  /// mutex_ held.
  void read_more() {
    const bool room = waiting_.empty() || (waiting_.size() < limits::kWindowBatches.max &&
                                           waiting_bytes_ < limits::kWindowBytes.max);
    if (reading_ || reads_done_ || cancelled_ || !room) return;
    reading_ = true;
    StartRead(&incoming_);
  }

  void work() {
    grpc::Status status = guarded([this] { return apply_all(); });
    if (!wait_until_written()) status = grpc::Status(grpc::StatusCode::CANCELLED, "the client went away");
    slot_.free();
    Finish(status);
  }

  grpc::Status apply_all() {
    ByteBuffer batch;
    for (uint64_t number = 1; next(batch); ++number) {
      auto applied = apply(batch);
      if (!applied.ok()) {
        return grpc_status(make_error(applied.error().code, "batch {}: {}", number, applied.error().message));
      }
    }
    std::lock_guard lock(mutex_);
    return starved_ ? out_of_resources("memory") : grpc::Status::OK;
  }

  /// False at the end of the client's batches or when it is gone.
  bool next(ByteBuffer& batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled_ || !waiting_.empty() || reads_done_; });
    if (cancelled_ || waiting_.empty()) return false;
    batch = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= batch.Length();
    read_more();
    return true;
  }

  bool wait_until_written() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled_ || !writing_; });
    return !cancelled_;
  }

  Result<void> apply(ByteBuffer& wire) {
    const Admission::Ticket ticket = admission_.admit(wire.Length(), [this] { return cancelled_.load(); });
    if (!ticket || !wait_until_written()) return make_error(Code::kCancelled, "the client went away");
    v1::UpsertRequest request;
    TRY(parse_message(wire, limits::kMessageBytes.max, request));
    wire.Clear();
    Stop stop;
    stop.cancelled = [](const void* self) {
      return static_cast<const UpsertReactor*>(self)->cancelled_.load();
    };
    stop.context = this;
    const v1::WriteResponse response = TRY(api_.upsert(request, stop));
    outgoing_.Clear();
    serialize_message(response, outgoing_);
    {
      std::lock_guard lock(mutex_);
      writing_ = true;
    }
    StartWrite(&outgoing_);
    return {};
  }

  Api& api_;
  Admission& admission_;
  const RunningCalls::Guard running_;
  Slot slot_;
  ByteBuffer incoming_;  // gRPC's while reading_
  ByteBuffer outgoing_;  // gRPC's while writing_
  std::atomic<bool> cancelled_{false};

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<ByteBuffer> waiting_;
  uint64_t waiting_bytes_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool reads_done_ = false;
  bool starved_ = false;  // a batch was lost for want of memory; those before it count

  std::thread worker_;
};

}  // namespace

grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>* make_upsert_reactor(Api& api, Admission& admission,
                                                                     RunningCalls& running,
                                                                     std::atomic<uint32_t>& streams) {
  return new UpsertReactor(api, admission, running, streams);
}

}  // namespace kith
