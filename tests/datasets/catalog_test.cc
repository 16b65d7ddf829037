// Goal: a name leads to files by the documented order, each way is told apart, and nothing half-made is ever
// taken for whole. Method: small sets in a temporary KITH_DATASETS and cache; downloads from file:// by the
// real curl.
#include "datasets/catalog.h"

#include <filesystem>

#include "datasets/cache.h"
#include "datasets/ground_truth.h"
#include "datasets/lines.h"
#include "datasets/synthetic.h"
#include "tests/datasets/reading.h"
#include "tests/support/child_process.h"

namespace kith::test {
namespace {

class Resolve : public testing::Test {
 protected:
  void SetUp() override {
    options_.datasets_directory = dir_ / "data";
    options_.cache_directory = dir_ / "cache";
    options_.download = false;
    options_.synthetic_rows_max = 300;
    options_.synthetic_queries = 10;
    options_.tell = [this](const std::string& line) { told_ += line + "\n"; };
    CatalogEntry entry;
    entry.name = "tiny-3-euclidean";
    entry.alias = "small";
    entry.dim = 3;
    entry.rows = 1000;
    entry.queries = 20;
    options_.entries = {entry};
    add_set("alpha-one-2-euclidean");
    add_set("alpha-two-2-angular");
    std::filesystem::create_directories(dir_ / "data/traces");
  }

  void add_set(const std::string& name) {
    const std::string folder = dir_ / ("data/" + name);
    std::filesystem::create_directories(folder);
    write_bytes(folder + "/base.fvecs.xz", pack_xz(vecs_file<float>({{1, 2}, {3, 4}})));
    write_bytes(folder + "/query.fvecs", vecs_file<float>({{1, 2}}));
    write_bytes(folder + "/groundtruth.ivecs.gz", pack_gzip(vecs_file<int32_t>({{0, 1}})));
    write_bytes(folder + "/attributes.jsonl.zst", pack_zstd("{\"id\": 0}\n{\"id\": 1}\n"));
  }

  TempDir dir_;
  ResolveOptions options_;
  std::string told_;
};

TEST_F(Resolve, FindsASetOfTheDirectoryByPrefixAndUnpacksIt) {
  ASSERT_VALUE(dataset, resolve("alpha-o", options_));
  EXPECT_EQ(dataset.name, "alpha-one-2-euclidean");
  EXPECT_EQ(dataset.metric, Metric::kL2);
  EXPECT_EQ(dataset.dim, 2u);
  EXPECT_FALSE(dataset.synthetic);
  ASSERT_VALUE(base, read_matrix(dataset.base.path, dataset.base.options));
  EXPECT_EQ(base.rows, 2u);
  EXPECT_EQ(dataset.base.path, dir_ / "cache/alpha-one-2-euclidean/base.fvecs");
  EXPECT_EQ(dataset.queries.path, dir_ / "data/alpha-one-2-euclidean/query.fvecs");
  ASSERT_VALUE(truth, read_neighbors(dataset.groundtruth.path, {}));
  EXPECT_EQ(truth.ids, (std::vector<int32_t>{0, 1}));
  ASSERT_VALUE(lines, open_lines(dataset.attributes_path));
  ASSERT_OK(lines.next());
  EXPECT_TRUE(dataset.filters_path.empty());
  EXPECT_TRUE(dataset.filtered_groundtruth.empty());
  ASSERT_VALUE(other, resolve("alpha-two-2-angular", options_));
  EXPECT_EQ(other.metric, Metric::kCosine);
}

TEST_F(Resolve, ReusesTheCacheUnlessSizesDiffer) {
  ASSERT_VALUE(first, resolve("alpha-one", options_));
  const std::string path = first.base.path;
  const auto written = std::filesystem::last_write_time(path);
  ASSERT_OK(resolve("alpha-one", options_));
  EXPECT_EQ(std::filesystem::last_write_time(path), written);
  write_bytes(path, read_bytes(path).substr(0, 12));  // cut short
  ASSERT_VALUE(again, resolve("alpha-one", options_));
  ASSERT_VALUE(base, read_matrix(again.base.path, {}));
  EXPECT_EQ(base.rows, 2u);
  write_bytes(dir_ / "data/alpha-one-2-euclidean/base.fvecs.xz",
              pack_xz(vecs_file<float>({{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 1}})));
  ASSERT_VALUE(newer, resolve("alpha-one", options_));
  ASSERT_VALUE(more, read_matrix(newer.base.path, {}));
  EXPECT_EQ(more.rows, 5u);
}

TEST_F(Resolve, ADamagedSetLeavesNothingInTheCache) {
  write_bytes(dir_ / "data/alpha-one-2-euclidean/base.fvecs.xz", "not xz at all");
  EXPECT_ERROR(resolve("alpha-one", options_), Code::kCorruption, "base.fvecs.xz");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_ / "cache"))
    EXPECT_FALSE(entry.is_regular_file()) << entry.path();
}

TEST_F(Resolve, AmbiguousAndUnknownNamesAreListed) {
  EXPECT_ERROR(resolve("alpha", options_), Code::kInvalidArgument,
               "alpha-one-2-euclidean, alpha-two-2-angular");
  EXPECT_ERROR(resolve("zeta", options_), Code::kNotFound, "tiny-3-euclidean");
  EXPECT_ERROR(resolve("traces", options_), Code::kNotFound, "traces");
  EXPECT_ERROR(resolve("", options_), Code::kInvalidArgument, "empty");
}

TEST_F(Resolve, FallsBackToALabelledSyntheticSet) {
  for (const char* name : {"tiny", "small"}) {
    ASSERT_VALUE(dataset, resolve(name, options_));
    EXPECT_TRUE(dataset.synthetic);
    EXPECT_NE(dataset.origin.find("SYNTHETIC"), std::string::npos) << dataset.origin;
    EXPECT_EQ(dataset.dim, 3u);
    ASSERT_VALUE(base, read_matrix(dataset.base.path, {}));
    ASSERT_VALUE(queries, read_matrix(dataset.queries.path, {}));
    ASSERT_VALUE(truth, read_neighbors(dataset.groundtruth.path, {}));
    EXPECT_EQ(base.rows, 300u);
    EXPECT_EQ(queries.rows, 10u);
    ASSERT_VALUE(exact, exact_neighbors(base.block(), queries.block(), dataset.metric, 100, nullptr));
    EXPECT_EQ(exact.ids, truth.ids);
  }
  EXPECT_NE(told_.find("SYNTHETIC"), std::string::npos);
  options_.synthetic = false;
  EXPECT_ERROR(resolve("tiny", options_), Code::kNotFound, "no public address");
}

TEST_F(Resolve, DownloadsAndChecksTheSum) {
  const std::string fixture = find_executable("kith-hdf5-fixture");
  ASSERT_FALSE(fixture.empty());
  ASSERT_EQ(run_child({fixture, dir_.path()}).exit.code, 0);
  options_.download = true;
  CatalogEntry& entry = options_.entries[0];
  entry.url = "file://" + (dir_ / "good.hdf5");
  entry.sha256 = std::string(64, '0');
  EXPECT_ERROR(resolve("tiny", options_), Code::kCorruption, "sha256");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "cache/tiny-3-euclidean.hdf5"));
  ASSERT_VALUE(sum, sha256_of(dir_ / "good.hdf5"));
  entry.sha256 = sum;
  ASSERT_VALUE(fetched, resolve("tiny", options_));
  EXPECT_FALSE(fetched.synthetic);
  EXPECT_NE(fetched.origin.find("file://"), std::string::npos);
  ASSERT_VALUE(base, read_matrix(fetched.base.path, fetched.base.options));
  EXPECT_EQ(base.rows, 5000u);
  ASSERT_VALUE(truth, read_neighbors(fetched.groundtruth.path, fetched.groundtruth.options));
  EXPECT_EQ(truth.rows, 2u);
  entry.url = "file:///nonexistent";
  ASSERT_VALUE(again, resolve("tiny", options_));
  EXPECT_NE(again.origin.find("downloaded earlier"), std::string::npos);
}

TEST_F(Resolve, AFailedDownloadIsToldAndReplaced) {
  options_.download = true;
  options_.entries[0].url = "file:///nonexistent/tiny.hdf5";
  ASSERT_VALUE(dataset, resolve("tiny", options_));
  EXPECT_TRUE(dataset.synthetic);
  EXPECT_NE(dataset.origin.find("cannot be fetched"), std::string::npos) << dataset.origin;
}

TEST(Sha256, KnownValue) {
  const TempDir dir;
  write_bytes(dir / "a", "abc");  // FIPS 180-4, example 1
  ASSERT_VALUE(sum, sha256_of(dir / "a"));
  EXPECT_EQ(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Catalog, OursIsWhole) {
  EXPECT_GE(catalog().size(), 16u);
  for (const CatalogEntry& entry : catalog()) {
    EXPECT_FALSE(entry.licence.empty()) << entry.name;
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
    EXPECT_NE(entry.name.find(entry.name == "lastfm-64-dot" ? "64" : std::to_string(entry.dim)),
              std::string::npos)
        << entry.name;
  }
}

TEST(Catalog, FaultsNameSetAndField) {
  const std::string good = "[[set]]\nname = \"a-1-l2\"\nmetric = \"l2\"\ndim = 1\nrows = 1\nqueries = 1\n";
  ASSERT_VALUE(entries, parse_catalog(good));
  EXPECT_EQ(entries[0].name, "a-1-l2");
  const auto with = [&](const std::string& line) { return parse_catalog(good + line + "\n"); };
  EXPECT_ERROR(with("sha256 = \"12\""), Code::kInvalidArgument, "set 0: field 'sha256'");
  EXPECT_ERROR(with("url = \"ftp://x\""), Code::kInvalidArgument, "'url'");
  EXPECT_ERROR(with("url = \"http://x y\""), Code::kInvalidArgument, "'url'");
  EXPECT_ERROR(with("alias = \"../x\""), Code::kInvalidArgument, "'alias'");
  EXPECT_ERROR(with("licence = 3"), Code::kInvalidArgument, "'licence' is not a string");
  EXPECT_ERROR(with("= 3"), Code::kInvalidArgument, "line 7");
  EXPECT_ERROR(parse_catalog(good + good), Code::kInvalidArgument, "stands twice");
  EXPECT_ERROR(parse_catalog("set = 1"), Code::kInvalidArgument, "array");
  // Once an assertion inside toml++.
  EXPECT_ERROR(parse_catalog("[[[set]]\n"), Code::kInvalidArgument, "line 1");
  EXPECT_ERROR(parse_catalog("[=]\n"), Code::kInvalidArgument, "line 1");
  EXPECT_ERROR(parse_catalog("\n\xef\xbb\xbd"), Code::kInvalidArgument, "line 2: a byte beyond ASCII");
  EXPECT_ERROR(parse_catalog("[[set]]\nname = \"a\""), Code::kInvalidArgument, "");
  EXPECT_ERROR(parse_catalog("[[set]]\nname = \"/etc\"\nmetric = \"l2\"\ndim = 1\nrows = 1\nqueries = 1"),
               Code::kInvalidArgument, "'name'");
}

}  // namespace
}  // namespace kith::test
