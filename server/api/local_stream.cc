#include "server/api/local_stream.h"

#include <optional>

namespace kith {
namespace {

class LocalUpsertStream final : public UpsertStream {
 public:
  LocalUpsertStream(Api& api, const Stop& stop) : api_(api), stop_(stop) {}

  Result<void> send(const v1::UpsertRequest& batch) override {
    if (failed_) return *failed_;
    if (finished_) return failed_precondition("the stream is finished; open another one");
    auto answer = api_.upsert(batch, stop_);
    if (answer.ok()) {
      ++acknowledged_;
      sequence_ = answer->sequence();
      return {};
    }
    failed_ = make_error(answer.error().code, "batch {}: {}", acknowledged_ + 1, answer.error().message);
    return *failed_;
  }
  uint64_t acknowledged() const override { return acknowledged_; }
  uint64_t sequence() const override { return sequence_; }
  Result<void> finish() override {
    finished_ = true;
    return failed_ ? Result<void>(*failed_) : Result<void>();
  }

 private:
  Api& api_;
  Stop stop_;
  uint64_t acknowledged_ = 0;
  uint64_t sequence_ = 0;
  std::optional<Error> failed_;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<UpsertStream> make_local_stream(Api& api, const Stop& stop) {
  return std::make_unique<LocalUpsertStream>(api, stop);
}

}  // namespace kith
