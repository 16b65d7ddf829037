// Alternating instead of FAISS's OPQMatrix: that wants dimensions divisible by the number of sub-vectors,
// starts from a random rotation and assigns with plain x86-64 loops; 30 lines here do without the three.
#include <cblas.h>

#include <cmath>
#include <numeric>

#include "index/codes/opq_rotation.h"
#include "index/kmeans.h"

extern "C" {  // LAPACK, in OpenBLAS
void ssyevd_(const char* jobz, const char* uplo, const int* n, float* a, const int* lda, float* w,
             float* work, const int* lwork, int* iwork, const int* liwork, int* info);
void sgesdd_(const char* jobz, const int* m, const int* n, float* a, const int* lda, float* s, float* u,
             const int* ldu, float* vt, const int* ldvt, float* work, const int* lwork, int* iwork,
             int* info);
}

namespace kith {
namespace {

constexpr uint32_t kRounds = 12;
constexpr uint32_t kFirstIterations = 8;  // of k-means; later rounds go on where the last one stood

/// Packed rows of `dim` elements.
struct Rows {
  uint32_t dim;
  size_t count;
  const float* data;
};

/// The sum over the rows of (column of a) (row of b): transposed a times b.
std::vector<float> product_of(const Rows& a, const Rows& b) {
  const int dim = static_cast<int>(a.dim);
  std::vector<float> product(size_t{a.dim} * a.dim);
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, dim, dim, static_cast<int>(a.count), 1, a.data, dim,
              b.data, dim, 0, product.data(), dim);
  return product;
}

std::vector<float> rotated_rows(const Rows& rows, const std::vector<float>& rotation) {
  const int dim = static_cast<int>(rows.dim);
  std::vector<float> rotated(rows.count * rows.dim);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(rows.count), dim, dim, 1, rows.data,
              dim, rotation.data(), dim, 0, rotated.data(), dim);
  return rotated;
}

struct Components {
  std::vector<float> variances;  // rising
  std::vector<float> vectors;    // packed, in that order
};

Result<Components> principal_components(const Rows& rows) {
  std::vector<float> centred(rows.data, rows.data + rows.count * rows.dim);
  for (uint32_t d = 0; d < rows.dim; ++d) {
    double mean = 0;
    for (size_t i = 0; i < rows.count; ++i) mean += rows.data[i * rows.dim + d];
    mean /= static_cast<double>(rows.count);
    for (size_t i = 0; i < rows.count; ++i) centred[i * rows.dim + d] -= static_cast<float>(mean);
  }
  const Rows same = {rows.dim, rows.count, centred.data()};
  Components result = {std::vector<float>(rows.dim), product_of(same, same)};
  const int dim = static_cast<int>(rows.dim), ask = -1;
  int info = 0, integers_wanted = 0;
  float floats_wanted = 0;
  ssyevd_("V", "U", &dim, result.vectors.data(), &dim, result.variances.data(), &floats_wanted, &ask,
          &integers_wanted, &ask, &info);
  std::vector<float> work(static_cast<size_t>(floats_wanted));
  std::vector<int> integers(static_cast<size_t>(integers_wanted));
  const int work_size = static_cast<int>(work.size());
  ssyevd_("V", "U", &dim, result.vectors.data(), &dim, result.variances.data(), work.data(), &work_size,
          integers.data(), &integers_wanted, &info);
  if (info != 0)
    return invalid_argument("code 'opq': the vectors' covariance has no components (ssyevd: {})", info);
  return result;
}

/// Deals the components out, largest first, each to the sub-vector with room whose product of variances is
/// the least so far: the rows of the first rotation.
std::vector<float> dealt_out(const PqCodebook& book, const Components& components) {
  const float least = std::max(components.variances.back() * 1e-6f, 1e-30f);
  std::vector<double> logs(book.subvectors);
  std::vector<uint32_t> taken(book.subvectors);
  std::vector<float> rotation(size_t{book.dim} * book.dim);
  for (uint32_t c = book.dim; c-- > 0;) {
    uint32_t to = book.subvectors;
    for (uint32_t s = 0; s < book.subvectors; ++s)
      if (taken[s] < book.dims(s) && (to == book.subvectors || logs[s] < logs[to])) to = s;
    std::copy_n(components.vectors.data() + size_t{c} * book.dim, book.dim,
                rotation.data() + size_t{book.first(to) + taken[to]} * book.dim);
    logs[to] += std::log(std::max(components.variances[c], least) / least);
    ++taken[to];
  }
  return rotation;
}

/// The orthogonal R that brings the vectors nearest to the targets: U V' of the SVD of targets' vectors.
Result<std::vector<float>> procrustes(const Rows& targets, const Rows& vectors) {
  const int dim = static_cast<int>(vectors.dim), ask = -1;
  // Row by row for us is column by column for LAPACK: it sees M' = V S U' and leaves V and U' column by
  // column, which read row by row are V' and U.
  std::vector<float> matrix = product_of(targets, vectors), values(vectors.dim), v(matrix.size()),
                     u(matrix.size());
  std::vector<int> integers(size_t{vectors.dim} * 8);
  float floats_wanted = 0;
  int info = 0;
  sgesdd_("A", &dim, &dim, matrix.data(), &dim, values.data(), v.data(), &dim, u.data(), &dim, &floats_wanted,
          &ask, integers.data(), &info);
  std::vector<float> work(static_cast<size_t>(floats_wanted) + 64);
  const int work_size = static_cast<int>(work.size());
  sgesdd_("A", &dim, &dim, matrix.data(), &dim, values.data(), v.data(), &dim, u.data(), &dim, work.data(),
          &work_size, integers.data(), &info);
  if (info != 0)
    return invalid_argument("code 'opq': no rotation found for these vectors (sgesdd: {})", info);
  std::vector<float> rotation(matrix.size());
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, dim, dim, dim, 1, u.data(), dim, v.data(), dim, 0,
              rotation.data(), dim);
  return rotation;
}

/// Replaces each rotated vector by the one its code stands for.
void quantise(const PqCodebook& book, std::vector<float>& rotated) {
  std::vector<std::byte> code(book.code_bytes());
  for (size_t at = 0; at < rotated.size(); at += book.dim) {
    book.encode(rotated.data() + at, code.data());
    book.decode(code.data(), rotated.data() + at);
  }
}

}  // namespace

Result<OpqRotation> OpqRotation::train(PqCodebook& book, const float* vectors, size_t count, uint64_t seed) {
  openblas_set_num_threads(
      1);  // as in index/flat: our callers are the parallelism, and sums keep their order
  const Rows rows = {book.dim, count, vectors};
  const Components components = TRY(principal_components(rows));
  std::vector<float> rotation = dealt_out(book, components);
  for (uint32_t round = 0; round < kRounds; ++round) {
    std::vector<float> rotated = rotated_rows(rows, rotation);
    for (uint32_t s = 0; s < book.subvectors; ++s)
      TRY(book.train(s, rotated.data(), count, {round == 0 ? kFirstIterations : 1, seed, round > 0}));
    quantise(book, rotated);
    rotation = TRY(procrustes({book.dim, count, rotated.data()}, rows));
  }
  return OpqRotation(book.dim, std::move(rotation));
}

}  // namespace kith
