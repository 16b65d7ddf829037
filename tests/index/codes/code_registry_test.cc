// Goal: every kind of code keeps the contract of vector_code.h: what it saves it opens to the same estimates,
// damaged bytes are Corruption, wrong specs and training data are InvalidArgument. Method: each row of
// code_kinds(), every prefix and a flip of every byte of what it saved.
#include <gtest/gtest.h>

#include <limits>

#include "tests/index/codes/code_support.h"

namespace kith {
namespace {

using test::Coded;
using test::Vectors;

class EveryCode : public testing::TestWithParam<const CodeKind*> {
 protected:
  CodeSpec spec(Metric metric = Metric::kL2) const { return {GetParam()->name, metric, 48, 0, 0, 9}; }
  const Vectors vectors_ = test::clustered_vectors(600, 48, 6, test::test_seed(70));
};

TEST_P(EveryCode, OpensWhatItSaved) {
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    const auto code = test::trained(spec(metric), vectors_);
    EXPECT_EQ(code->spec().name, GetParam()->name);
    ASSERT_VALUE(opened, GetParam()->open(spec(metric), code->save()));
    EXPECT_EQ(opened->bytes(), code->bytes());
    EXPECT_EQ(opened->query_bytes(), code->query_bytes());
    EXPECT_EQ(opened->save(), code->save());
    Coded before(*code, vectors_), after(*opened, vectors_);
    before.prepare(vectors_.row(5));
    after.prepare(vectors_.row(5));
    EXPECT_EQ(before.estimates(), after.estimates());
  }
}

TEST_P(EveryCode, DamagedBytesAreCorruption) {
  const std::string saved = test::trained(spec(), vectors_)->save();
  const size_t step = 1 + saved.size() / 500;
  for (size_t size = 0; size < saved.size(); size += step)
    ASSERT_ERROR(GetParam()->open(spec(), saved.substr(0, size)), Code::kCorruption, "");
  for (size_t i = 0; i < saved.size(); i += step) {
    std::string damaged = saved;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    ASSERT_ERROR(GetParam()->open(spec(), damaged), Code::kCorruption, "");
  }
  ASSERT_ERROR(GetParam()->open(spec(), saved + "x"), Code::kCorruption, "");
  CodeSpec other = spec();
  other.dim = 47;
  EXPECT_ERROR(GetParam()->open(other, saved), Code::kCorruption, "another spec");
}

TEST_P(EveryCode, RefusesWhatItCannotTrainOn) {
  const auto train = [&](const CodeSpec& spec, const Vectors& vectors) {
    return GetParam()->train(spec, vectors.data.data(), vectors.rows);
  };
  CodeSpec wrong = spec();
  wrong.metric = Metric::kHamming;
  EXPECT_ERROR(train(wrong, vectors_), Code::kInvalidArgument, "hamming");
  wrong = spec();
  wrong.dim = 0;
  EXPECT_ERROR(train(wrong, vectors_), Code::kInvalidArgument, "dim");
  wrong = spec();
  wrong.bits = 33;
  EXPECT_ERROR(train(wrong, vectors_), Code::kInvalidArgument, "bits");
  Vectors none{{}, 48, 0};
  EXPECT_ERROR(train(spec(), none), Code::kInvalidArgument, "no vectors");
  Vectors nan = vectors_;
  nan.data[50] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(train(spec(), nan), Code::kInvalidArgument, "vector 1");
}

// A nearest neighbour by estimates is a near one, and estimates of stored codes agree with those of their
// vectors.
TEST_P(EveryCode, EstimatesOrderVectors) {
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    const auto code = test::trained(spec(metric), vectors_);
    Coded coded(*code, vectors_);
    int own_cluster = 0, own_cluster_stored = 0;
    const auto nearest = [&](const std::vector<float>& distances) {
      return std::min_element(distances.begin(), distances.end()) - distances.begin();
    };
    for (size_t q = 0; q < 50; ++q) {
      coded.prepare(vectors_.row(q));
      own_cluster += nearest(coded.estimates()) % 6 == static_cast<int>(q % 6);
      coded.prepare_stored(q);
      own_cluster_stored += nearest(coded.estimates()) % 6 == static_cast<int>(q % 6);
    }
    EXPECT_GE(own_cluster, 49);
    EXPECT_GE(own_cluster_stored, 49);
  }
}

INSTANTIATE_TEST_SUITE_P(Codes, EveryCode, testing::ValuesIn(code_kinds().begin(), code_kinds().end()),
                         [](const auto& kind) { return std::string(kind.param->name); });

TEST(CodeRegistry, NamesTheKindsThereAre) {
  EXPECT_ERROR(find_code_kind("zip"), Code::kNotFound, "rabitq");
}

}  // namespace
}  // namespace kith
