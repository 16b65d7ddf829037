// Goal: a directory of collections opens, lists, drops, quarantines and verifies as query/database.h says.
// Method: the public API on a real directory; damage is done through the KvStore underneath.
#include "query/database.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "query/collection/local_database.h"
#include "query/schema/catalog_record.h"
#include "storage/kv/fault_kv_store.h"
#include "storage/kv/memory_kv_store.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "storage/rows/keys.h"
#include "storage/rows/row_record.h"
#include "tests/query/test_database.h"
#include "tests/support/memory.h"

namespace kith {
namespace {

using namespace testing_support;

Result<std::unique_ptr<Database>> open_over(std::unique_ptr<KvStore> store) {
  return LocalDatabase::open(std::make_shared<Engine>(new_memory_files(), "test", nullptr, std::move(store),
                                                      2, std::chrono::milliseconds(20)),
                             CheckpointPolicy{});
}

void write(const std::string& directory, const KvBatch& batch) {
  auto store = must(open_rocksdb_kv_store(directory + "/store", {.create_if_missing = false}));
  must(store->write(batch, KvSurvives::kPower));
}

TEST(Database, CollectionsComeAndGoAndStayAfterReopening) {
  TempDirectory directory;
  {
    auto db = open_at(directory.path());
    for (const char* name : {"b", "a", "c"}) must(db->create_collection(name, schema_of({field("v", 2)})));
    auto a = must(db->collection("a"));
    must(a->upsert(std::vector{point(uint64_t{1}, {1, 2}, "{}")}, Durability::kAsync));
    EXPECT_EQ(db->collection_names(), (std::vector<std::string>{"a", "b", "c"}));
    must(db->drop_collection("b"));
    EXPECT_EQ(code_of(db->drop_collection("b")), Code::kNotFound);
  }
  auto db = open_at(directory.path());
  EXPECT_EQ(db->collection_names(), (std::vector<std::string>{"a", "c"}));
  auto a = must(db->collection("a"));
  EXPECT_EQ(a->schema().vectors.at(0).name, "v");
  EXPECT_EQ(must(a->count()), 1u);
  EXPECT_EQ(a->info().sequence, 1u);
}

TEST(Database, LivesWhollyInTheFileSystemThatItIsGiven) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  DatabaseOptions options;
  options.fs = &fs;
  options.memtable_bytes = 128u << 10;
  const std::string directory = "/not/on/this/machine";
  const Schema schema = schema_of({field("v", 256)});
  std::vector<Point> points;
  for (uint64_t i = 0; i < 500; ++i)
    points.push_back(point(i, std::vector<float>(256, static_cast<float>(i))));
  {
    auto db = open_at(directory, options);
    must(must(db->create_collection("x", schema))->upsert(points, Durability::kSync));
    EXPECT_EQ(code_of(Database::open(directory, options)), Code::kFailedPrecondition) << "locked in there";
  }
  EXPECT_FALSE(std::filesystem::exists("/not"));
  must(fs.power_loss({}));
  auto db = open_at(directory, options);
  EXPECT_EQ(content_of(*must(db->collection("x"))).size(), points.size());
  EXPECT_TRUE(must(db->verify("x", {})).problems.empty());
  const auto files = must(memory.list(directory + "/store"));
  EXPECT_TRUE(std::ranges::any_of(files, [](const std::string& name) { return name.ends_with(".blob"); }))
      << "the memtable was not small";
}

TEST(Database, TheWholeSchemaComesBack) {
  TempDirectory directory;
  VectorField odd = field("größe", 65'535, Metric::kHamming, "flat", ScalarType::kBit);
  Schema schema = schema_of({odd, field("b", 3, Metric::kInnerProduct, "flat", ScalarType::kU8)});
  { must(open_at(directory.path())->create_collection("x", schema)); }
  auto db = open_at(directory.path());
  const Schema& back = must(db->collection("x"))->schema();
  ASSERT_EQ(back.vectors.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(back.vectors[i].name, schema.vectors[i].name);
    EXPECT_EQ(back.vectors[i].dim, schema.vectors[i].dim);
    EXPECT_EQ(back.vectors[i].metric, schema.vectors[i].metric);
    EXPECT_EQ(back.vectors[i].type, schema.vectors[i].type);
    EXPECT_EQ(back.vectors[i].index, schema.vectors[i].index);
  }
}

TEST(Database, DroppedCollectionsAnswerNotFoundAndLeaveNothing) {
  auto data = std::make_shared<MemoryKvData>();
  auto db = must(open_over(make_memory_kv_store(data)));
  auto kept = must(db->create_collection("kept", schema_of({field("v", 2)})));
  auto gone = must(db->create_collection("gone", schema_of({field("v", 2)})));
  must(kept->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kSync));
  const uint64_t before = data->tables[0].size();
  must(gone->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kSync));
  must(db->drop_collection("gone"));
  EXPECT_EQ(code_of(gone->count()), Code::kNotFound);
  EXPECT_EQ(code_of(gone->search(query({1, 2}))), Code::kNotFound);
  EXPECT_EQ(code_of(gone->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kSync)),
            Code::kNotFound);
  EXPECT_EQ(code_of(gone->scroll({}, 1, {})), Code::kNotFound);
  auto again = must(db->create_collection("gone", schema_of({field("v", 2)})));
  EXPECT_EQ(must(again->count()), 0u);
  EXPECT_EQ(must(kept->count()), 1u);
  must(db->drop_collection("gone"));
  size_t live = 0;
  for (const auto& [key, versions] : data->tables[0]) live += versions.back().value != nullptr ? 1 : 0;
  EXPECT_EQ(live, before - 1) << "all keys but the catalog record that stood when `before` was taken";
}

TEST(Database, ADropCutShortAtAnyWriteIsFinishedAtOpen) {
  for (int writes = 0; writes < 4; ++writes) {
    for (const bool leaves_batch : {false, true}) {
      SCOPED_TRACE(fmt::format("fails at write {}, leaves batch {}", writes, leaves_batch));
      auto data = std::make_shared<MemoryKvData>();
      KvFaults faults;
      {
        auto db = must(open_over(make_fault_kv_store(make_memory_kv_store(data), faults)));
        auto x = must(db->create_collection("x", schema_of({field("v", 2)})));
        must(x->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kSync));
        faults.leaves_batch = leaves_batch;
        faults.writes_until_failure = writes;
        EXPECT_EQ(db->drop_collection("x").ok(), writes == 3);
      }
      auto db = must(open_over(make_memory_kv_store(data)));
      const bool dropped = writes > 0 || leaves_batch;
      EXPECT_EQ(db->collection_names().size(), dropped ? 0u : 1u);
      if (!dropped) {
        EXPECT_EQ(must(must(db->collection("x"))->count()), 1u);
        continue;
      }
      const auto view = make_memory_kv_store(data)->snapshot();
      const KeyRange range = collection_range(1);
      EXPECT_FALSE(view->iterate(KvTable::kRecords, range.begin, range.end)->valid());
      EXPECT_FALSE(view->iterate(KvTable::kVectors, range.begin, range.end)->valid());
    }
  }
}

TEST(Database, ASecondHolderIsRefusedAndToldWhatToDo) {
  TempDirectory directory;
  auto db = open_at(directory.path());
  const auto second = Database::open(directory.path(), {});
  ASSERT_EQ(code_of(second), Code::kFailedPrecondition);
  EXPECT_NE(second.error().message.find(directory.path()), std::string::npos) << second.error().message;
  EXPECT_NE(second.error().message.find("stop it"), std::string::npos) << second.error().message;
  db.reset();
  EXPECT_TRUE(Database::open(directory.path(), {}).ok());
}

TEST(Database, ACollectionOutlivesItsDatabaseAndKeepsTheDirectory) {
  TempDirectory directory;
  auto db = open_at(directory.path());
  auto x = must(db->create_collection("x", schema_of({field("v", 2)})));
  db.reset();
  must(x->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kSync));
  EXPECT_EQ(code_of(Database::open(directory.path(), {})), Code::kFailedPrecondition);
  x.reset();
  EXPECT_EQ(must(must(open_at(directory.path())->collection("x"))->count()), 1u);
}

TEST(Database, AMissingDirectoryIsNotFoundWhenNotToCreate) {
  TempDirectory directory;
  DatabaseOptions options;
  options.create_if_missing = false;
  EXPECT_EQ(code_of(Database::open(directory.path() + "/none", options)), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/none"));
  EXPECT_EQ(code_of(Database::open("", options)), Code::kInvalidArgument);
}

TEST(Database, AnUnknownFormatIsRefused) {
  TempDirectory directory;
  open_at(directory.path()).reset();
  KvBatch batch;
  batch.put(KvTable::kRecords, format_key(), std::string("kith\x02\0\0\0", 8));
  write(directory.path(), batch);
  const auto opened = Database::open(directory.path(), {});
  ASSERT_EQ(code_of(opened), Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message.find("format 2"), std::string::npos) << opened.error().message;
}

/// Each way to damage a collection; the other must keep serving.
struct Damage {
  const char* name;
  void (*apply)(KvBatch& batch);
};

class Quarantine : public testing::TestWithParam<Damage> {};

TEST_P(Quarantine, KeepsTheDamageToOneCollection) {
  TempDirectory directory;
  {
    auto db = open_at(directory.path());
    for (const char* name : {"sick", "well"}) {
      auto each = must(db->create_collection(name, schema_of({field("v", 2)})));
      must(each->upsert(std::vector{point(uint64_t{1}, {1, 2}), point(std::string("b"), {3, 4})},
                        Durability::kSync));
    }
  }
  KvBatch batch;
  GetParam().apply(batch);
  write(directory.path(), batch);
  auto db = open_at(directory.path());
  EXPECT_EQ(must(must(db->collection("well"))->count()), 2u);
  const auto sick = db->collection("sick");
  ASSERT_EQ(code_of(sick), Code::kCorruption);
  EXPECT_NE(sick.error().message.find("'sick'"), std::string::npos) << sick.error().message;
  EXPECT_FALSE(must(db->verify("sick", {})).problems.empty());
  must(db->drop_collection("sick"));
  must(db->create_collection("sick", schema_of({field("v", 2)})));
}

std::string damage_name(const testing::TestParamInfo<Damage>& info) {
  return info.param.name;
}
constexpr CollectionNumber kSick = 1;
INSTANTIATE_TEST_SUITE_P(
    Ways, Quarantine,
    testing::Values(
        Damage{"id_entry_of_wrong_size",
               [](KvBatch& b) { b.put(KvTable::kRecords, id_entry_key(kSick, number_id_key(1)), "xy"); }},
        Damage{"id_entry_past_the_rows",
               [](KvBatch& b) {
                 b.put(KvTable::kRecords, id_entry_key(kSick, number_id_key(1)), row_value(77));
               }},
        Damage{"two_ids_of_one_row",
               [](KvBatch& b) {
                 b.put(KvTable::kRecords, id_entry_key(kSick, number_id_key(1)), row_value(1));
               }},
        Damage{"broken_id_key",
               [](KvBatch& b) { b.put(KvTable::kRecords, id_entry_key(kSick, "\x09zz"), row_value(0)); }},
        Damage{"a_lost_id",
               [](KvBatch& b) { b.erase(KvTable::kRecords, id_entry_key(kSick, number_id_key(1))); }},
        Damage{"a_change_of_unknown_version",
               [](KvBatch& b) { b.put(KvTable::kRecords, change_key(kSick, 1), "\x09"); }},
        Damage{"a_lost_change", [](KvBatch& b) { b.erase(KvTable::kRecords, change_key(kSick, 1)); }},
        Damage{"a_vector_of_wrong_size",
               [](KvBatch& b) { b.put(KvTable::kVectors, vector_key(kSick, 0, 0), "short"); }},
        Damage{"a_vector_of_no_row",
               [](KvBatch& b) { b.put(KvTable::kVectors, vector_key(kSick, 0, 9), "12345678"); }}),
    damage_name);

TEST(Database, ADamagedCatalogRecordIsQuarantinedUnderItsNumber) {
  TempDirectory directory;
  { must(open_at(directory.path())->create_collection("x", schema_of({field("v", 2)}))); }
  KvBatch batch;
  batch.put(KvTable::kRecords, catalog_key(1), "\x01\x00garbage");
  write(directory.path(), batch);
  auto db = open_at(directory.path());
  EXPECT_EQ(db->collection_names(), (std::vector<std::string>{"#1"}));
  EXPECT_EQ(code_of(db->collection("#1")), Code::kCorruption);
}

TEST(Database, APlaceholdersNameYieldsToAUsersAndItsDropSurvivesACrash) {
  TempDirectory directory;
  {
    auto db = open_at(directory.path());
    for (const char* name : {"x", "#1"}) must(db->create_collection(name, schema_of({field("v", 2)})));
  }
  KvBatch batch;
  batch.put(KvTable::kRecords, catalog_key(1), "\x01\x00garbage");
  write(directory.path(), batch);
  {
    auto db = open_at(directory.path());
    EXPECT_EQ(db->collection_names(), (std::vector<std::string>{"#1", "#1#"}));
    EXPECT_TRUE(db->collection("#1").ok());
    EXPECT_EQ(code_of(db->collection("#1#")), Code::kCorruption);
  }
  // A drop of it that got no further than its mark.
  batch.clear();
  batch.put(KvTable::kRecords, catalog_key(1),
            encode_catalog_record({CollectionState::kDropping, "#1#", Schema{}}));
  write(directory.path(), batch);
  EXPECT_EQ(open_at(directory.path())->collection_names(), (std::vector<std::string>{"#1"}));
}

TEST(Database, VerifyFindsWhatOpeningDoesNotRead) {
  TempDirectory directory;
  {
    auto x = must(open_at(directory.path())->create_collection("x", schema_of({field("v", 2)})));
    must(x->upsert(std::vector{point(uint64_t{1}, {1, 2}, "{}"), point(uint64_t{2}, {3, 4})},
                   Durability::kSync));
  }
  EXPECT_TRUE(must(open_at(directory.path())->verify("x", {})).problems.empty());
  KvBatch batch;
  batch.put(KvTable::kRecords, row_record_key(1, 0), "\x07nonsense");
  write(directory.path(), batch);
  auto db = open_at(directory.path());
  const auto report = must(db->verify("x", {}));
  ASSERT_FALSE(report.problems.empty());
  EXPECT_NE(report.problems[0].find("row 0"), std::string::npos) << report.problems[0];
  auto x = must(db->collection("x"));
  EXPECT_EQ(code_of(x->get(std::vector{Id(uint64_t{1})}, {.payload = true})), Code::kCorruption);
  EXPECT_TRUE(x->get(std::vector{Id(uint64_t{2})}, {.payload = true}).ok());
}

TEST(Database, ThousandsOfSmallCollectionsAreCheap) {
  constexpr int kCollections = 3000;
  auto data = std::make_shared<MemoryKvData>();
  auto db = must(open_over(make_memory_kv_store(data)));
  const uint64_t before = test::resident_bytes();
  for (int i = 0; i < kCollections; ++i) {
    const Schema schema = schema_of({field("v", 768, Metric::kL2, i % 2 == 0 ? "flat" : "hnsw")});
    auto each = must(db->create_collection("c" + std::to_string(i), schema));
    must(each->upsert(std::vector{point(uint64_t{1}, std::vector<float>(768, 1.0F))}, Durability::kAsync));
  }
  if (!test::kSanitized) {
    EXPECT_LT((test::resident_bytes() - before) / kCollections, 160u << 10);
  }
  db.reset();
  db = must(open_over(make_memory_kv_store(data)));
  EXPECT_EQ(db->collection_names().size(), static_cast<size_t>(kCollections));
  EXPECT_EQ(must(must(db->collection("c77"))->count()), 1u);
}

}  // namespace
}  // namespace kith
