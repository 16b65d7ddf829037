#include "bench/churn/mixed_phase.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace kith::bench {
namespace {

using Time = std::chrono::steady_clock::time_point;
using Seconds = std::chrono::duration<double>;

Time now() {
  return std::chrono::steady_clock::now();
}

double micros(Time from, Time to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

/// CPU time of the calling thread, microseconds.
double cpu_micros() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// When calls are due: one after another at a rate, or each as soon as the one before is done.
class Arrivals {
 public:
  Arrivals(Time begin, double per_s) : next_(begin), step_(per_s > 0 ? 1 / per_s : 0) {}

  /// Waits for the next call to be due, and tells when that was.
  Time wait() {
    if (step_.count() == 0) return now();
    const Time due = next_;
    next_ += std::chrono::duration_cast<Time::duration>(step_);
    std::this_thread::sleep_until(due);
    return due;
  }

 private:
  Time next_;
  Seconds step_;
};

class PhaseRun {
 public:
  PhaseRun(MixedState& state, const MixedPhaseSpec& spec) : state_(state), spec_(spec) {}

  Result<MixedPhase> run() {
    begin_ = now();
    end_ = begin_ + std::chrono::duration_cast<Time::duration>(Seconds(spec_.seconds));
    Result<void> searched, written;
    {
      std::jthread writer;
      if (spec_.writes != MixedWrites::kNone) writer = std::jthread([&] { written = write_all(); });
      searched = search_all();
    }
    TRY(searched);
    TRY(written);
    if (spec_.writes != MixedWrites::kNone) {
      const Time done = now();
      TRY(state_.side.settle());
      out_.settle_seconds = Seconds(now() - done).count();
    }
    return std::move(out_);
  }

 private:
  Result<void> search_all() {
    Arrivals arrivals(begin_, spec_.searches_per_s);
    std::array<uint32_t, kMixedNearest> found{};
    const Seconds apart = Seconds(spec_.seconds / static_cast<double>(std::max<size_t>(spec_.judged, 1)));
    for (Time due = arrivals.wait(); due < end_; due = arrivals.wait()) {
      MixedAsked asked;
      asked.query = state_.next_query++ % state_.queries.count;
      asked.returned = state_.history.returned();
      const double cpu_before = cpu_micros();
      const size_t count = TRY(state_.side.search(state_.queries[asked.query], found));
      const Time done = now();
      out_.search_cpu.push_back(cpu_micros() - cpu_before);
      out_.searches.push_back(micros(due, done));
      asked.begun = state_.history.begun();
      if (out_.judged.size() >= spec_.judged ||
          done - begin_ < apart * static_cast<double>(out_.judged.size()))
        continue;
      asked.found.assign(found.begin(), found.begin() + static_cast<ptrdiff_t>(count));
      out_.judged.push_back(std::move(asked));
    }
    out_.seconds = Seconds(now() - begin_).count();
    return {};
  }

  Result<void> write_all() {
    Arrivals arrivals(begin_, spec_.rows_per_s / static_cast<double>(spec_.batch));
    for (Time due = arrivals.wait(); due < end_ && now() < end_; due = arrivals.wait())
      if (!TRY(write_some(due))) break;
    return {};
  }

  /// False when there is no room for further rows.
  Result<bool> write_some(Time due) {
    size_t first = 0, count = spec_.batch;
    if (spec_.writes == MixedWrites::kInsert) {
      first = state_.rows_now;
      count = std::min(count, state_.rows_max - first);
      state_.rows_now += count;
    } else {
      first = state_.oldest;
      count = std::min(count, state_.rows_now - first);
      state_.oldest = (first + count) % state_.rows_now;
    }
    if (count == 0) return false;
    const uint64_t number = state_.history.begin_write(static_cast<uint32_t>(first), count);
    const VectorBlock vectors = state_.rows.vectors(number, count, vectors_);
    if (spec_.rows_per_s == 0) due = now();
    TRY(state_.side.write(static_cast<uint32_t>(first), vectors));
    const Time done = now();
    out_.writes.push_back(micros(due, done));
    out_.write_seconds = Seconds(done - begin_).count();
    state_.history.end_write();
    out_.rows_written += count;
    if (out_.writes.size() % spec_.look_every == 0) TRY(look_for(first + count - 1, vectors[count - 1]));
    return true;
  }

  Result<void> look_for(size_t row, VectorView vector) {
    std::array<uint32_t, kMixedNearest> found{};
    const size_t count = TRY(state_.side.search(vector, found));
    const auto end = found.begin() + static_cast<ptrdiff_t>(count);
    ++out_.looked;
    out_.not_searchable += std::find(found.begin(), end, row) == end;
    return {};
  }

  MixedState& state_;
  const MixedPhaseSpec& spec_;
  Time begin_, end_;
  MixedPhase out_;  // searches, judged and seconds are the searching thread's, others the writer's
  std::vector<float> vectors_;  // the writer's
};

}  // namespace

Result<MixedPhase> run_mixed_phase(MixedState& state, const MixedPhaseSpec& spec) {
  return PhaseRun(state, spec).run();
}

}  // namespace kith::bench
