#include "server/api/remote_stream.h"

#include <optional>

#include "server/api/wire_limits.h"
#include "server/grpc/status.h"

namespace kith {

CallGuard::CallGuard(grpc::ClientContext& context, const Stop& stop) : context_(context) {
  if (stop.deadline != std::chrono::steady_clock::time_point::max()) {
    const auto left = stop.deadline - std::chrono::steady_clock::now();
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(left));
  }
  if (stop.cancelled != nullptr) watcher_ = std::thread([this, stop] { watch(stop); });
}

CallGuard::~CallGuard() {
  if (!watcher_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

void CallGuard::watch(const Stop& stop) {
  constexpr auto kEvery = std::chrono::milliseconds(10);
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kEvery, [this] { return done_; })) {
    if (!stop.cancelled(stop.context)) continue;
    context_.TryCancel();
    return;
  }
}

namespace {

/// One thread reads answers and counts them; send() waits while kWindow batches are unanswered. The server's
/// own window is as large, so both sides always have work.
class RemoteUpsertStream final : public UpsertStream {
 public:
  RemoteUpsertStream(v1::Kith::Stub& stub, const Stop& stop)
      : guard_(context_, stop), call_(stub.UpsertStream(&context_)) {
    reader_ = std::thread([this] { read_answers(); });
  }

  ~RemoteUpsertStream() override {
    if (!reader_.joinable()) return;
    context_.TryCancel();
    reader_.join();
    (void)call_->Finish();
  }

  Result<void> send(const v1::UpsertRequest& batch) override {
    if (!reader_.joinable())
      return error_ ? *error_ : failed_precondition("the stream is finished; open another one");
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || sent_ - acknowledged_ < limits::kWindowBatches.max; });
      if (!ended_) ++sent_;
    }
    if (has_ended() || !call_->Write(batch)) return conclude(false);
    return {};
  }

  uint64_t acknowledged() const override {
    std::lock_guard lock(mutex_);
    return acknowledged_;
  }

  uint64_t sequence() const override {
    std::lock_guard lock(mutex_);
    return sequence_;
  }

  Result<void> finish() override {
    if (reader_.joinable()) call_->WritesDone();
    return conclude(true);
  }

 private:
  bool has_ended() const {
    std::lock_guard lock(mutex_);
    return ended_;
  }

  void read_answers() {
    v1::WriteResponse answer;
    while (call_->Read(&answer)) {
      std::lock_guard lock(mutex_);
      ++acknowledged_;
      sequence_ = answer.sequence();
      changed_.notify_all();
    }
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  /// The call's outcome; asked once, remembered. A server that ends a stream well before it was finished did
  /// not take everything.
  Result<void> conclude(bool finished) {
    if (reader_.joinable()) {
      reader_.join();
      const grpc::Status status = call_->Finish();
      if (!status.ok()) {
        error_ = from_grpc_status(status);
      } else if (!finished || acknowledged_ != sent_) {
        error_ = unavailable("the server ended the stream after {} of {} batches; send the rest again",
                             acknowledged_, sent_);
      }
    }
    return error_ ? Result<void>(*error_) : Result<void>();
  }

  grpc::ClientContext context_;
  CallGuard guard_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::UpsertRequest, v1::WriteResponse>> call_;
  std::thread reader_;
  std::optional<Error> error_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  uint64_t sent_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t sequence_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<UpsertStream>> open_remote_stream(v1::Kith::Stub& stub, const Stop& stop) {
  TRY(stop.check());
  return std::unique_ptr<UpsertStream>(std::make_unique<RemoteUpsertStream>(stub, stop));
}

}  // namespace kith
