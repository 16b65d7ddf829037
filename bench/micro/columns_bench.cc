#include "bench/micro/columns_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/io/memory_file_system.h"
#include "base/random.h"
#include "query/columns/column_store.h"

namespace kith::bench {
namespace {

constexpr Row kRows = 500'000;

std::string payload_of(Random& random) {
  const uint64_t image = random.below(1'000);
  return fmt::format(
      R"({{"image":{},"class":"class_{:03}","x":{:.1f},"y":{:.1f},"size":{:.2f},"angle":{:.1f},"octave":{}}})",
      image, image * 7 % 1'000, random.uniform() * 1'024, random.uniform() * 768,
      1.8 * std::exp(std::abs(random.normal())), random.uniform() * 360,
      std::min<int64_t>(static_cast<int64_t>(std::abs(random.normal()) * 1.5) - 1, 4));
}

/// A checkpoint of one file.
class OneFile final : public CheckpointOutput, public CheckpointInput {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& name) override { return fs_.create(name); }
  bool keep(const std::string&, uint64_t) override { return false; }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& name) const override {
    return fs_.open(name);
  }

 private:
  mutable MemoryFileSystem fs_;
};

const ColumnStore& filled_store() {
  static const std::unique_ptr<ColumnStore> kStore = [] {
    auto store = std::make_unique<ColumnStore>();
    Random random(7);
    for (Row row = 0; row < kRows; ++row) store->add(row, PayloadValues::of(payload_of(random)).value());
    return store;
  }();
  return *kStore;
}

Filter is(const std::string& name, FilterScalar value) {
  return {OneOf{{{name}}, {std::move(value)}}};
}
Filter between(const std::string& name, double low, double high) {
  return {NumberRange{{{name}}, {{FilterNumber(low), true}}, {{FilterNumber(high), false}}}};
}
Filter all(std::vector<Filter> of) {
  return {AllOf{std::move(of)}};
}

void run_select(benchmark::State& state, const Filter& filter) {
  const ColumnStore& store = filled_store();
  const ResolveIds none = [](const std::vector<Id>&) { return RowSet(); };
  for (auto _ : state) benchmark::DoNotOptimize(store.select(filter, none));
  state.counters["rows"] = static_cast<double>(store.select(filter, none).certain.size());
}

void run_values(benchmark::State& state) {
  Random random(8);
  const std::string payload = payload_of(random);
  for (auto _ : state) benchmark::DoNotOptimize(PayloadValues::of(payload));
}

void run_add(benchmark::State& state) {
  Random random(8);
  std::vector<PayloadValues> values;
  for (int i = 0; i < 1'000; ++i) values.push_back(PayloadValues::of(payload_of(random)).value());
  ColumnStore store;
  Row row = 0;
  for (auto _ : state) {
    store.add(row, values[row % values.size()]);
    ++row;
  }
}

void run_write(benchmark::State& state) {
  const ColumnStore& store = filled_store();
  OneFile file;
  for (auto _ : state) store.write(file).value();
  state.counters["file_bytes_per_row"] =
      static_cast<double>(file.open(ColumnStore::kFile).value()->size()) / kRows;
  state.counters["memory_bytes_per_row"] = static_cast<double>(store.memory_bytes()) / kRows;
}

void run_open(benchmark::State& state) {
  OneFile file;
  filled_store().write(file).value();
  for (auto _ : state) benchmark::DoNotOptimize(ColumnStore::open(file).value());
}

}  // namespace

void register_columns_benchmarks() {
  const auto add_select = [](const std::string& name, Filter filter) {
    benchmark::RegisterBenchmark(
        ("columns/select/" + name).c_str(),
        [filter = std::move(filter)](benchmark::State& state) { run_select(state, filter); })
        ->MinTime(0.05)
        ->Unit(benchmark::kMicrosecond);
  };
  const Filter class_is = is("class", "class_007");
  const Filter wide_x = between("x", 100, 700);
  const Filter wide_y = between("y", 200.5, 600);
  add_select("equal", class_is);
  add_select("narrow_range", between("x", 100, 110));
  add_select("wide_range", wide_x);
  add_select("not", {NotOf{{wide_x}}});
  add_select("prefix", {Prefix{{{"class"}}, "class_0"}});
  add_select("words", {MatchWords{{{"class"}}, "class_007"}});
  add_select("equal_and_2_ranges", all({wide_x, class_is, wide_y}));
  add_select("2_equal_and_range", all({wide_x, is("octave", FilterNumber(int64_t{0})), class_is}));
  add_select("3_ranges", all({wide_x, wide_y, between("angle", 45, 270)}));
  add_select("any_of_3", {AnyOf{{class_is, wide_x, between("size", 2, 3)}}});
  add_select("at_least_2_of_3", {AtLeast{2, {wide_x, wide_y, between("angle", 45, 270)}}});
  const auto add = [](const char* name, void (*run)(benchmark::State&)) {
    benchmark::RegisterBenchmark(name, run)->MinTime(0.05)->Unit(benchmark::kMicrosecond);
  };
  add("columns/values_of_payload", run_values);
  add("columns/add", run_add);
  add("columns/write", run_write);
  add("columns/open", run_open);
}

}  // namespace kith::bench
