// Goal: a single client's search over loopback costs at most twice the same search in this process plus 150
// us. Method: the same queries in turn on the Collection and through gRPC, medians of one run; the best of a
// few rounds, since the machine is shared. Where a call that does nothing costs more than those 150 us can
// pay for, it is the measure: half as much again. The figure of record is made by the benchmark `server`, on
// a quiet machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "tests/server/grpc/harness.h"

namespace kith::testing {
namespace {

constexpr uint32_t kDim = 128;
constexpr uint64_t kRows = 10'000;
constexpr int kQueries = 400;

double median_us(std::vector<double> samples) {
  std::nth_element(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(samples.size() / 2),
                   samples.end());
  return samples[samples.size() / 2];
}

template <typename Work>
double time_us(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

TEST(Latency, LoopbackSearchIsWithinTwiceInProcessPlus150us_slow) {
  ServerFixture fixture;
  ASSERT_TRUE(fixture.ok());
  ASSERT_TRUE(fixture.client->create_collection(create_request("rows", kDim, "hnsw"), {}).ok());
  for (uint64_t first = 0; first < kRows; first += 1'000) {
    ASSERT_TRUE(fixture.client->upsert(upsert_request("rows", first, 1'000, kDim), {}).ok());
  }
  v1::SettleRequest settle;
  settle.set_collection("rows");
  ASSERT_TRUE(fixture.client->settle(settle, {}).ok());
  auto collection = fixture.database->collection("rows");
  ASSERT_TRUE(collection.ok());

  v1::GetCollectionRequest nothing;
  nothing.set_collection("rows");
  double best_over = 1e9;
  std::string best;
  for (int round = 0; round < 12 && best_over > 0; ++round) {
    std::vector<double> in_process, remote, empty;
    for (int q = 0; q < kQueries; ++q) {
      const v1::SearchRequest request = search_request("rows", kDim, static_cast<uint64_t>(q));
      Query query;
      const auto* begin = reinterpret_cast<const std::byte*>(request.vector().values().data());
      query.vector.assign(begin, begin + kDim * sizeof(float));
      in_process.push_back(time_us([&] { ASSERT_TRUE((*collection)->search(query).ok()); }));
      remote.push_back(time_us([&] { ASSERT_TRUE(fixture.client->search(request, {}).ok()); }));
      empty.push_back(time_us([&] { ASSERT_TRUE(fixture.client->get_collection(nothing, {}).ok()); }));
    }
    const double local_p50 = median_us(in_process), remote_p50 = median_us(remote),
                 empty_p50 = median_us(empty);
    const std::string found =
        fmt::format("in process p50 {:.0f} us, over gRPC p50 {:.0f} us, an empty call {:.0f} us", local_p50,
                    remote_p50, empty_p50);
    std::printf("round %d: %s\n", round, found.c_str());
    const double over = remote_p50 - 2 * local_p50 - std::max(150.0, 1.5 * empty_p50);
    if (over < best_over) {
      best_over = over;
      best = found;
    }
  }
#ifdef KITH_SANITIZED
  GTEST_SKIP() << "times of a sanitizer build mean nothing";
#endif
  EXPECT_LE(best_over, 0) << best;
}

}  // namespace
}  // namespace kith::testing
