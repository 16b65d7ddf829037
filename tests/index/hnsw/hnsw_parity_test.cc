// Goal: our graph is as good as that of the reference implementation at the same parameters, for no more
// work. Method: the same rows, m, efConstruction and ef in hnswlib, whose distances are counted; recall
// against the flat kind.
#include <hnswlib/hnswlib.h>

#include "tests/index/hnsw/hnsw_support.h"

namespace kith::test {
namespace {

size_t counted = 0;
hnswlib::DISTFUNC<float> real_distance = nullptr;

float counting_distance(const void* a, const void* b, const void* dim) {
  ++counted;
  return real_distance(a, b, dim);
}

class CountingSpace : public hnswlib::L2Space {
 public:
  explicit CountingSpace(size_t dim) : L2Space(dim) { real_distance = L2Space::get_dist_func(); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return counting_distance; }
};

struct Parity {
  const char* name;
  Vectors vectors;
  Vectors queries;
};

TEST(HnswParity, RecallAndDistancesMatchHnswlib) {
  const uint64_t seed = test_seed(17);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  constexpr size_t kRows = 12'000;
  Vectors all[] = {normal_vectors(kRows + 200, 20, seed), clustered_vectors(kRows + 200, 32, 100, seed)};
  for (Vectors& vectors : all) {
    const size_t dim = vectors.dim;
    Vectors queries{
        {vectors.data.end() - static_cast<ptrdiff_t>(200 * dim), vectors.data.end()}, vectors.dim, 200};
    vectors.rows = kRows;
    vectors.data.resize(kRows * dim);
    CountingSpace space(dim);
    hnswlib::HierarchicalNSW<float> theirs(&space, kRows, 16, 200);
    for (size_t i = 0; i < kRows; ++i) theirs.addPoint(vectors.row(i), i);
    const auto ours = build(spec_of("hnsw", Metric::kL2, vectors.dim), vectors);
    const auto flat = build(spec_of("flat", Metric::kL2, vectors.dim), vectors);
    for (const uint32_t ef : {20u, 60u, 150u}) {
      theirs.setEf(ef);
      counted = 0;
      double hits = 0;
      for (size_t i = 0; i < queries.rows; ++i) {
        SearchRequest request;
        request.query = queries[i];
        const auto truth = flat->search(request);
        ASSERT_OK(truth);
        const float bound = truth->neighbors.back().distance * (1 + 1e-5f);
        auto found = theirs.searchKnn(queries.row(i), 10);
        for (; !found.empty(); found.pop()) hits += found.top().first <= bound;
      }
      const double their_recall = hits / 2000;
      const double their_distances = static_cast<double>(counted) / 200;
      const Measured mine = measure(*ours, *flat, queries, ef);
      EXPECT_GE(mine.recall, their_recall - 0.005) << "dim " << dim << ", ef " << ef;
      EXPECT_LE(mine.distances, their_distances * 1.05) << "dim " << dim << ", ef " << ef;
    }
  }
}

}  // namespace
}  // namespace kith::test
