#include "bench/recall/runners.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "bench/harness/machine.h"
#include "index/registry.h"

namespace kith::bench {
namespace {

constexpr size_t kAddRows = 4096;  // rows an add, as a bulk load sends them
constexpr size_t kBatchQueries = 256;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void fill_rows(const std::vector<Neighbor>& neighbors, std::span<Row> out) {
  size_t count = std::min(neighbors.size(), out.size());
  for (size_t i = 0; i < count; ++i) out[i] = neighbors[i].row;
  std::fill(out.begin() + static_cast<ptrdiff_t>(count), out.end(), kNoRow);
}

bool take_suffix(std::string& name, std::string_view suffix) {
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return false;
  name.resize(name.size() - suffix.size());
  return true;
}

}  // namespace

Result<std::unique_ptr<OurRun>> OurRun::build(const BenchSet& set, const std::string& label, size_t threads) {
  std::unique_ptr<OurRun> run(new OurRun(set, label));
  PinnedThread pinned(threads);
  TRY(run->create(threads));
  MemoryProbe memory;
  auto start = std::chrono::steady_clock::now();
  TRY(run->fill());
  run->figures_.seconds = seconds_since(start);
  run->figures_.peak_rss = memory.peak_growth();
  run->figures_.bytes = run->index_->memory().total();
  run->figures_.raw_bytes = run->base().data.size();
  return run;
}

Result<void> OurRun::create(size_t threads) {
  std::string name = label_;
  native_ = take_suffix(name, "-u8");
  if (native_ && set_.native_base.rows == 0)
    return invalid_argument("kind '{}': set '{}' holds no u8 rows; ask for '{}'", label_, set_.name, name);
  half_ = take_suffix(name, "-f16");
  const bool disk = take_suffix(name, "-disk");
  kind_ = TRY(find_index_kind(name));
  pool_ = std::make_unique<ThreadPool>(threads);
  IndexSpec spec;
  spec.kind = name;
  spec.metric = set_.metric;
  spec.type = half_ ? ScalarType::kF16 : base().type;
  spec.dim = base().dim;
  spec.pool = pool_.get();
  if (disk) {
    spec.options.emplace_back("memory", "codes");
    spec.fs = &posix_file_system();
    std::error_code failed;
    spec.directory = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path().string();
    if (failed) return make_error(Code::kUnavailable, "/proc/self/exe cannot be read: {}", failed.message());
  }
  index_ = TRY(create_index(spec));
  return {};
}

Result<void> OurRun::fill() {
  std::vector<Row> rows(kAddRows);
  std::vector<std::byte> half;
  for (size_t first = 0; first < base().rows; first += kAddRows) {
    rows.resize(std::min(kAddRows, base().rows - first));
    std::iota(rows.begin(), rows.end(), static_cast<Row>(first));
    VectorBlock block = base().block();
    block.data = block[first].data;
    block.count = rows.size();
    if (half_) {
      const size_t elements = rows.size() * block.dim;
      half.resize(vector_bytes(ScalarType::kF16, elements));
      TRY(from_f32(reinterpret_cast<const float*>(block.data), elements, ScalarType::kF16, half.data()));
      block.data = half.data();
      block.type = ScalarType::kF16;
    }
    TRY(index_->add(rows, block));
  }
  if (kind_->settle != nullptr) TRY(kind_->settle(*index_, Stop()));
  return {};
}

Contestant OurRun::contestant() {
  auto search = [this](size_t query, std::span<Row> out) -> Result<void> {
    SearchRequest request;
    request.query = queries()[query];
    request.k = static_cast<uint32_t>(out.size());
    request.effort = effort_;
    SearchAnswer answer = TRY(index_->search(request));
    fill_rows(answer.neighbors, out);
    return {};
  };
  return {label_, [this](uint32_t effort) { effort_ = effort; }, search};
}

Result<std::optional<double>> OurRun::batch_qps(size_t count, uint32_t k) const {
  if (kind_->search_batch == nullptr) return std::optional<double>();
  SearchRequest request;
  request.k = k;
  auto start = std::chrono::steady_clock::now();
  for (size_t first = 0; first < count; first += kBatchQueries) {
    VectorBlock block = queries().block();
    block.data = block[first].data;
    block.count = std::min(kBatchQueries, count - first);
    std::vector<SearchAnswer> answers = TRY(kind_->search_batch(*index_, block, request));
    if (answers.size() != block.count)
      return make_error(Code::kUnavailable, "kind '{}': {} answers to {} queries", label_, answers.size(),
                        block.count);
  }
  return std::optional<double>(static_cast<double>(count) / std::max(seconds_since(start), 1e-9));
}

Result<std::unique_ptr<RivalRun>> RivalRun::build(const BenchSet& set, size_t links, size_t threads) {
  std::unique_ptr<RivalRun> run(new RivalRun(set, links));
  PinnedThread pinned(threads);
  MemoryProbe memory;
  RivalSpec spec;
  spec.space = static_cast<RivalSpace>(set.metric);
  spec.dim = set.base.dim;
  spec.rows_max = set.base.rows;
  spec.links = links;
  spec.build_threads = threads;
  auto start = std::chrono::steady_clock::now();
  std::string error;
  run->rival_ = make_hnswlib(spec, &error);
  if (run->rival_ != nullptr)
    error = run->rival_->build(reinterpret_cast<const float*>(set.base.data.data()), set.base.rows);
  if (!error.empty())
    return make_error(Code::kUnavailable, "set '{}': {} could not be built: {}", set.name, run->name(),
                      error);
  run->figures_.seconds = seconds_since(start);
  run->figures_.peak_rss = memory.peak_growth();
  run->figures_.bytes = run->rival_->bytes();
  run->figures_.raw_bytes = set.base.data.size();
  run->prepare_queries();
  return run;
}

void RivalRun::prepare_queries() {
  if (set_.metric != Metric::kCosine) return;
  for (size_t query = 0; query < set_.queries.rows; ++query) {
    const float* vector = set_.query(query);
    double sum = 0;
    for (uint32_t i = 0; i < set_.queries.dim; ++i) sum += double{vector[i]} * vector[i];
    float scale = sum > 0 ? static_cast<float>(1.0 / std::sqrt(sum)) : 0.0f;
    for (uint32_t i = 0; i < set_.queries.dim; ++i) unit_queries_.push_back(vector[i] * scale);
  }
}

std::string RivalRun::name() const {
  return "hnswlib M" + std::to_string(links_);
}
std::string RivalRun::slug() const {
  return "hnswlib-m" + std::to_string(links_);
}

Contestant RivalRun::contestant() {
  auto search = [this](size_t query, std::span<Row> out) -> Result<void> {
    const float* vector =
        unit_queries_.empty() ? set_.query(query) : unit_queries_.data() + query * set_.queries.dim;
    size_t count = rival_->search(vector, out);
    std::fill(out.begin() + static_cast<ptrdiff_t>(count), out.end(), kNoRow);
    return {};
  };
  return {name(), [this](uint32_t effort) { rival_->set_effort(effort); }, search};
}

}  // namespace kith::bench
