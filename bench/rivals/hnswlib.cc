#include <cmath>
#include <exception>
#include <thread>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

#include "bench/rivals/rival.h"

namespace kith::bench {
namespace {

using Graph = hnswlib::HierarchicalNSW<float>;

class HnswlibRival final : public Rival {
 public:
  explicit HnswlibRival(const RivalSpec& spec)
      : spec_(spec),
        space_(make_space(spec)),
        graph_(std::make_unique<Graph>(space_.get(), spec.rows_max, spec.links, spec.build_effort)) {}

  std::string build(const float* rows, size_t count) override {
    if (count == 0 || count > spec_.rows_max) return "rows outside 1..rows_max";
    // The first row becomes the entry point before threads start, as hnswlib's own Python binding does it.
    std::string error = add(rows, 0, 1);
    if (!error.empty()) return error;
    std::atomic<size_t> next{1};
    std::vector<std::string> errors(spec_.build_threads);
    std::vector<std::thread> threads;
    for (std::string& mine : errors) threads.emplace_back([&] { mine = work(rows, count, next); });
    for (std::thread& thread : threads) thread.join();
    for (const std::string& one : errors)
      if (!one.empty()) return one;
    return {};
  }

  /// Debian's 0.6.2 has no allow_replace_deleted. What 0.7 does under that name, updatePoint on the place of
  /// a deleted element with all of its neighbours, 0.6.2 does where a label that was marked deleted is added.
  std::string put(uint32_t row, const float* vector) override {
    try {
      if (row < graph_->cur_element_count) graph_->markDelete(row);
    } catch (const std::exception& exception) {
      return std::string("hnswlib: ") + exception.what();
    }
    return add(vector, row);
  }

  void set_effort(uint32_t effort) override { graph_->setEf(effort); }

  size_t search(const float* query, std::span<uint32_t> out) const override {
    auto found = graph_->searchKnn(query, out.size());
    size_t count = found.size();
    for (size_t i = count; i > 0; --i, found.pop()) out[i - 1] = static_cast<uint32_t>(found.top().second);
    return count;
  }

  size_t bytes() const override {
    size_t total = graph_->max_elements_ * graph_->size_data_per_element_;
    for (size_t row = 0; row < graph_->cur_element_count; ++row)
      total +=
          sizeof(void*) + static_cast<size_t>(graph_->element_levels_[row]) * graph_->size_links_per_element_;
    return total;
  }

 private:
  static std::unique_ptr<hnswlib::SpaceInterface<float>> make_space(const RivalSpec& spec) {
    if (spec.space == RivalSpace::kL2) return std::make_unique<hnswlib::L2Space>(spec.dim);
    return std::make_unique<hnswlib::InnerProductSpace>(spec.dim);
  }

  /// Rows taken in chunks, so that threads stay near each other in the file.
  std::string work(const float* rows, size_t count, std::atomic<size_t>& next) {
    constexpr size_t kChunk = 64;
    for (;;) {
      size_t first = next.fetch_add(kChunk);
      if (first >= count) return {};
      std::string error = add(rows, first, std::min(first + kChunk, count));
      if (!error.empty()) return error;
    }
  }

  std::string add(const float* rows, size_t first, size_t end) {
    std::string error;
    for (size_t row = first; row < end && error.empty(); ++row) error = add(rows + row * spec_.dim, row);
    return error;
  }

  std::string add(const float* vector, size_t row) {
    std::vector<float> unit(spec_.space == RivalSpace::kCosine ? spec_.dim : 0);
    try {
      graph_->addPoint(unit.empty() ? vector : normalize(vector, unit), row);
    } catch (const std::exception& exception) {
      return std::string("hnswlib: ") + exception.what();
    }
    return {};
  }

  static const float* normalize(const float* vector, std::vector<float>& unit) {
    float sum = 0;
    for (size_t i = 0; i < unit.size(); ++i) sum += vector[i] * vector[i];
    float scale = sum > 0 ? 1.0f / std::sqrt(sum) : 0.0f;
    for (size_t i = 0; i < unit.size(); ++i) unit[i] = vector[i] * scale;
    return unit.data();
  }

  RivalSpec spec_;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace

Rival* kith_new_hnswlib(const RivalSpec* spec, std::string* error) {
  try {
    return new HnswlibRival(*spec);
  } catch (const std::exception& exception) {
    *error = std::string("hnswlib: ") + exception.what();
    return nullptr;
  }
}

}  // namespace kith::bench
