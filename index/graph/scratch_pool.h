// ScratchPool: reusable working memory of walks, so that a search allocates nothing once warm. One lock per
// borrow and return, none in between.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace kith {

template <typename Scratch>
class ScratchPool {
 public:
  class Lease {
   public:
    Lease(ScratchPool& pool, std::unique_ptr<Scratch> scratch) : pool_(&pool), scratch_(std::move(scratch)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (scratch_ != nullptr) pool_->give_back(std::move(scratch_));
    }
    Scratch& operator*() const { return *scratch_; }
    Scratch* operator->() const { return scratch_.get(); }

   private:
    ScratchPool* pool_;
    std::unique_ptr<Scratch> scratch_;
  };

  Lease borrow() {
    {
      std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<Scratch> scratch = std::move(free_.back());
        free_.pop_back();
        return Lease(*this, std::move(scratch));
      }
      free_.reserve(++made_);  // so that giving back, which a destructor does, never needs memory
    }
    return Lease(*this, std::make_unique<Scratch>());
  }

 private:
  void give_back(std::unique_ptr<Scratch> scratch) noexcept {
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;  // guarded by mutex_; as many as ever walked at once
  size_t made_ = 0;                             // at most; guarded by mutex_
};

}  // namespace kith
