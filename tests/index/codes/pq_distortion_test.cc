// Goal: codebooks are as good as FAISS's, more of them is better, OPQ earns its rotation. Method: held-out
// vectors' mean squared error, against faiss::ProductQuantizer trained on the same vectors (card B1 of the
// design: a, b).
#include <faiss/impl/ProductQuantizer.h>
#include <gtest/gtest.h>

#include "tests/index/codes/pq_support.h"

extern "C" void omp_set_num_threads(int);

namespace kith {
namespace {

using test::Vectors;

struct Split {
  Vectors train, held_out;
};

Split clustered(uint32_t dim) {
  const Vectors all = test::clustered_vectors(4000, dim, 50, test::test_seed(11));
  return {test::slice(all, 0, 3000), test::slice(all, 3000, 4000)};
}

/// A quantiser of FAISS's on one thread: what OpenMP starts is not seen by the sanitizers.
faiss::ProductQuantizer faiss_quantizer(const CodeSpec& spec) {
  omp_set_num_threads(1);
  faiss::ProductQuantizer quantizer(spec.dim, spec.subvectors, spec.bits);
  quantizer.cp.min_points_per_centroid = 1;  // else it warns of so few vectors
  return quantizer;
}

double faiss_distortion(const faiss::ProductQuantizer& quantizer, const Vectors& vectors) {
  std::vector<uint8_t> codes(vectors.rows * quantizer.code_size);
  std::vector<float> decoded(vectors.data.size());
  quantizer.compute_codes(vectors.data.data(), codes.data(), vectors.rows);
  quantizer.decode(codes.data(), decoded.data(), vectors.rows);
  double sum = 0;
  for (size_t i = 0; i < vectors.rows; ++i)
    sum += test::exact_distance(Metric::kL2, vectors.row(i), decoded.data() + i * vectors.dim, vectors.dim);
  return sum / static_cast<double>(vectors.rows);
}

TEST(PqDistortion, FallsWithMoreSubvectorsAndMoreCentroids) {
  const Split data = clustered(64);
  for (const char* name : {"pq", "opq"}) {
    double last_of[2] = {1e30, 1e30};
    for (const uint32_t subvectors : {4u, 8u, 16u}) {
      double last = 1e30;
      for (const uint32_t bits : {4u, 8u}) {
        ASSERT_VALUE(code,
                     test::train_pq(test::code_spec(name, Metric::kL2, 64, bits, subvectors), data.train));
        const double error = test::distortion(*code, data.held_out);
        EXPECT_LT(error, last) << name << ", " << subvectors << " sub-vectors, " << bits << " bits";
        EXPECT_LT(error, last_of[bits / 8])
            << name << ", " << subvectors << " sub-vectors, " << bits << " bits";
        last = last_of[bits / 8] = error;
      }
    }
  }
}

TEST(PqDistortion, IsWithin3PercentOfFaiss) {
  const Split data = clustered(64);
  for (const auto& [subvectors, bits] : {std::pair{8u, 8u}, {16u, 8u}, {16u, 4u}, {64u, 4u}}) {
    const CodeSpec spec = test::code_spec("pq", Metric::kL2, 64, bits, subvectors);
    ASSERT_VALUE(code, test::train_pq(spec, data.train));
    faiss::ProductQuantizer theirs = faiss_quantizer(spec);
    theirs.train(data.train.rows, data.train.data.data());
    EXPECT_LE(test::distortion(*code, data.held_out), 1.03 * faiss_distortion(theirs, data.held_out))
        << subvectors << " sub-vectors, " << bits << " bits";
  }
}

TEST(PqDistortion, EncodesAsFaissDoesWithTheSameCentroids) {
  const Split data = clustered(64);
  for (const auto& [subvectors, bits] : {std::pair{8u, 8u}, {16u, 4u}}) {
    const CodeSpec spec = test::code_spec("pq", Metric::kL2, 64, bits, subvectors);
    ASSERT_VALUE(code, test::train_pq(spec, data.train));
    const PqCodebook& book = code->codebook();
    faiss::ProductQuantizer theirs = faiss_quantizer(spec);
    for (uint32_t s = 0; s < subvectors; ++s)
      for (uint32_t j = 0; j < book.centroids(); ++j)
        for (uint32_t d = 0; d < book.dims(s); ++d) theirs.get_centroids(s, j)[d] = book.element(s, j, d);
    std::vector<uint8_t> codes(data.held_out.rows * theirs.code_size);
    theirs.compute_codes(data.held_out.data.data(), codes.data(), data.held_out.rows);
    const test::Coded coded(*code, data.held_out);
    const std::span<const std::byte> ours = coded.rows();
    ASSERT_EQ(ours.size(), codes.size());
    size_t different = 0;  // two centroids may be equally near but for rounding
    for (size_t i = 0; i < ours.size(); ++i) different += std::to_integer<uint8_t>(ours[i]) != codes[i];
    EXPECT_LE(different, ours.size() / 10'000 + 1) << "of " << ours.size();
    EXPECT_NEAR(test::distortion(*code, data.held_out), faiss_distortion(theirs, data.held_out), 1e-3);
  }
}

TEST(OpqDistortion, IsAtLeast15PercentBelowPqOnTurnedVectors) {
  const Vectors all = test::turned_anisotropic(5000, 64, 0.93f, test::test_seed(21));
  const Vectors train = test::slice(all, 0, 4000), held_out = test::slice(all, 4000, 5000);
  for (const auto& [subvectors, bits] : {std::pair{8u, 8u}, {16u, 4u}, {7u, 8u}}) {
    ASSERT_VALUE(pq, test::train_pq(test::code_spec("pq", Metric::kL2, 64, bits, subvectors), train));
    ASSERT_VALUE(opq, test::train_pq(test::code_spec("opq", Metric::kL2, 64, bits, subvectors), train));
    EXPECT_LE(test::distortion(*opq, held_out), 0.85 * test::distortion(*pq, held_out))
        << subvectors << " sub-vectors, " << bits << " bits";
  }
}

TEST(OpqDistortion, RotationIsOrthogonal) {
  for (const uint32_t dim : {16u, 50u}) {
    const Vectors train = test::turned_anisotropic(3000, dim, 0.9f, test::test_seed(31));
    ASSERT_VALUE(code, test::train_pq(test::code_spec("opq", Metric::kL2, dim, 4, dim / 4), train));
    const float* matrix = code->rotation()->values().data();
    for (uint32_t i = 0; i < dim; ++i)
      for (uint32_t j = 0; j < dim; ++j)
        ASSERT_NEAR(-test::exact_distance(Metric::kInnerProduct, matrix + i * dim, matrix + j * dim, dim),
                    i == j, 1e-4)
            << "rows " << i << " and " << j;
    std::vector<float> turned(dim), back(dim);
    code->rotation()->rotate(train.row(5), turned.data());
    code->rotation()->rotate_back(turned.data(), back.data());
    EXPECT_LT(test::exact_distance(Metric::kL2, back.data(), train.row(5), dim), 1e-8);
    EXPECT_GT(test::exact_distance(Metric::kL2, turned.data(), train.row(5), dim), 0.1);
  }
}

}  // namespace
}  // namespace kith
