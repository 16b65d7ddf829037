// Goal: updates change what they name of points and nothing else, by id and by filter; removal by filter
// takes exactly the points that satisfy it; what is refused changes nothing. Method: small collections,
// looked at by every kind of read; random updates and removals under random filters against a model, across
// restarts.
#include <gtest/gtest.h>

#include "query/filter/filter_text.h"
#include "query/schema/limits.h"
#include "query/schema/merge_patch.h"
#include "tests/query/collection/modelled_collection.h"

namespace kith {
namespace {

using namespace testing_support;

const Fetch kAll{.payload = true, .vectors = true};

Filter filter(const char* text) {
  return must(parse_filter_text(text));
}
Patch payload_patch(std::string payload) {
  Patch patch;
  patch.payload = std::move(payload);
  return patch;
}

class UpdateTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    books_.reset();
    db_.reset();
    DatabaseOptions options;
    options.clock = &clock_;
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty()) {
      Schema schema = schema_of({field("v", 2), field("w", 3, Metric::kL2, "flat", ScalarType::kU8)});
      schema.payload = {{{{"lang"}}, PayloadType::kKeyword, /*required=*/true},
                        {{{"n"}}, PayloadType::kInteger}};
      must(db_->create_collection("books", schema));
    }
    books_ = must(db_->collection("books"));
  }
  void upsert(uint64_t first, uint64_t count, const std::string& payload, uint64_t expires_at_ms = 0) {
    std::vector<Point> points;
    for (uint64_t id = first; id < first + count; ++id) {
      Point& each = points.emplace_back();
      each.id = id;
      each.vectors = {{"v", f32({static_cast<float>(id), 1})}, {"w", bytes(static_cast<uint8_t>(id))}};
      each.payload = payload;
      each.expires_at_ms = expires_at_ms;
    }
    must(books_->upsert(points, Durability::kAsync));
  }
  static std::vector<std::byte> bytes(uint8_t value) { return std::vector<std::byte>(3, std::byte{value}); }
  Result<WriteReceipt> update(uint64_t id, Patch patch) {
    return books_->update(std::vector<PointUpdate>{{Id(id), std::move(patch)}}, Durability::kAsync);
  }
  Point get(uint64_t id) {
    auto found = must(books_->get(std::vector{Id(id)}, kAll));
    if (found[0].has_value()) return *found[0];
    ADD_FAILURE() << "point " << id << " is not there";
    return {};
  }
  uint64_t count(const char* text) {
    const Filter asked = filter(text);
    return must(books_->count(&asked, {}));
  }
  void expect_refused(const Result<WriteReceipt>& answer, Code code, const char* words) {
    ASSERT_EQ(code_of(answer), code);
    EXPECT_NE(answer.error().message.find(words), std::string::npos) << answer.error().message;
  }

  TempDirectory directory_;
  ManualClock clock_{5'000'000'000, kStartMs};
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

TEST_F(UpdateTest, APayloadIsMergedAndAllElseStays) {
  upsert(1, 3, R"({"lang":"en","n":1.50e1,"deep":{"a":1,"b":2}})", kStartMs + 1'000);
  const auto done = must(update(2, payload_patch(R"({"lang":"de","deep":{"a":null,"c":[1]},"x":null})")));
  EXPECT_EQ(done.updated, 1u);
  EXPECT_EQ(done.inserted + done.replaced + done.removed + done.missing, 0u);
  EXPECT_EQ(done.sequence, books_->info().sequence);
  for (int opened = 0; opened < 2; ++opened) {
    const Point changed = get(2);
    EXPECT_EQ(changed.payload, R"({"lang":"de","n":1.50e1,"deep":{"b":2,"c":[1]}})");
    EXPECT_EQ(changed.expires_at_ms, kStartMs + 1'000u);
    ASSERT_EQ(changed.vectors.size(), 2u);
    EXPECT_EQ(changed.vectors[0].data, f32({2, 1}));
    EXPECT_EQ(changed.vectors[1].data, bytes(2));
    EXPECT_EQ(count("lang = 'de'"), 1u);
    EXPECT_EQ(count("lang = 'en'"), 2u);
    EXPECT_EQ(count("deep.a = 1"), 2u);
    EXPECT_EQ(must(books_->count()), 3u);
    Query near;
    near.field = "v";
    near.vector = f32({2, 1});
    near.k = 3;
    near.filter = filter("lang = 'de'");
    EXPECT_EQ(ids_of(must(books_->search(near))), std::vector<std::string>{"2"});
    EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
    open();
  }
}

TEST_F(UpdateTest, WhatKeepsItsVectorStaysWhereItIsInTheGraph) {
  auto x = must(db_->create_collection("x", schema_of({field("v", 2, Metric::kCosine, "vamana")})));
  constexpr uint64_t kPoints = 300;
  std::vector<Point> points;
  for (uint64_t id = 0; id < kPoints; ++id)
    points.push_back(point(id, {static_cast<float>(id), 100}, R"({"n":0})"));
  must(x->upsert(points, Durability::kAsync));
  must(x->settle({}));  // linkers still at it would be readers to wait for
  const auto expect_untouched = [&](const char* n) {
    const FieldInfo field = x->info().fields[0];
    EXPECT_EQ(field.stats.rows, kPoints) << n;
    EXPECT_EQ(field.stats.removed, 0u) << n;
    for (uint64_t id = 0; id < kPoints; id += 7) {
      Query near = query({static_cast<float>(id), 100}, 1);
      near.filter = filter(n);
      EXPECT_EQ(ids_of(must(x->search(near))), std::vector<std::string>{std::to_string(id)}) << n;
    }
    EXPECT_TRUE(must(db_->verify("x", {})).problems.empty()) << n;
  };
  EXPECT_EQ(must(x->update(Filter{}, payload_patch(R"({"n":1})"), Durability::kAsync, {})).updated, kPoints);
  expect_untouched("n = 1");
  for (Point& each : points) each.payload = R"({"n":2})";
  EXPECT_EQ(must(x->upsert(points, Durability::kAsync)).replaced, kPoints);
  expect_untouched("n = 2");
  must(x->checkpoint());
  EXPECT_EQ(must(x->update(Filter{}, payload_patch(R"({"n":3})"), Durability::kAsync, {})).updated, kPoints);
  expect_untouched("n = 3");
  points[9].vectors[0].data = f32({-5, 1});  // one that is another by now, among others
  must(x->upsert(points, Durability::kAsync));
  EXPECT_EQ(ids_of(must(x->search(query({-5, 1}, 1)))), std::vector<std::string>{"9"});
  const auto content = content_of(*x);
  x.reset();
  books_.reset();
  db_.reset();
  db_ = open_at(directory_.path());
  EXPECT_EQ(content_of(*must(db_->collection("x"))), content);
  EXPECT_TRUE(must(db_->verify("x", {})).problems.empty());
}

TEST_F(UpdateTest, PayloadVectorsAndExpiryAreReplacedWhereTheyAreNamed) {
  upsert(1, 2, R"({"lang":"en","n":1})");
  Patch patch = payload_patch(R"({"lang":"fr","deep":{"a":null}})");
  patch.replace_payload = true;
  patch.vectors = {{"w", bytes(77)}};
  patch.expires_at_ms = kStartMs + 500;
  must(update(1, patch));
  const Point changed = get(1);
  EXPECT_EQ(changed.payload, R"({"lang":"fr","deep":{"a":null}})") << "as it was given, nulls too";
  EXPECT_EQ(changed.vectors.size(), 2u);
  EXPECT_EQ(changed.vectors[0].data, f32({1, 1}));
  EXPECT_EQ(changed.vectors[1].data, bytes(77));
  EXPECT_EQ(changed.expires_at_ms, kStartMs + 500u);
  Patch never;
  never.expires_at_ms = 0;
  must(update(1, never));
  EXPECT_EQ(get(1).expires_at_ms, 0u);
  EXPECT_EQ(get(1).payload, changed.payload);
  clock_.advance_ms(1'000);
  EXPECT_EQ(must(books_->count()), 2u);
}

TEST_F(UpdateTest, AVectorComesToAPointWithoutOne) {
  Point bare;
  bare.id = uint64_t{5};
  bare.payload = R"({"lang":"en"})";
  must(books_->upsert(std::vector{bare}, Durability::kAsync));
  Patch patch;
  patch.vectors = {{"v", f32({7, 7})}};
  must(update(5, patch));
  EXPECT_EQ(get(5).vectors.size(), 1u);
  Query near;
  near.field = "v";
  near.vector = f32({7, 7});
  EXPECT_EQ(ids_of(must(books_->search(near))), std::vector<std::string>{"5"});
}

TEST_F(UpdateTest, IdsThatAreNotThereAreCounted) {
  upsert(1, 1, R"({"lang":"en"})");
  upsert(2, 1, R"({"lang":"en"})", kStartMs + 10);
  clock_.advance_ms(10);
  const uint64_t sequence = books_->info().sequence;
  std::vector<PointUpdate> updates;
  for (const uint64_t id : {1, 2, 3}) updates.push_back({Id(id), payload_patch(R"({"n":4})")});
  const auto done = must(books_->update(updates, Durability::kSync));
  EXPECT_EQ(done.updated, 1u);
  EXPECT_EQ(done.missing, 2u);
  EXPECT_EQ(done.sequence, sequence + 1);
  EXPECT_EQ(must(books_->count()), 1u) << "the expired one does not come back";
  updates.erase(updates.begin());
  EXPECT_EQ(must(books_->update(updates, Durability::kSync)).missing, 2u);
  EXPECT_EQ(
      must(books_->update(filter("n = 4"), payload_patch(R"({"n":5})"), Durability::kAsync, {})).updated, 1u);
}

TEST_F(UpdateTest, WhatIsRefusedChangesNothing) {
  upsert(1, 2, R"({"lang":"en","n":1})");
  const uint64_t sequence = books_->info().sequence;
  const auto refused = [&](const Patch& patch, const char* words) {
    // The second of two, so that the first shows whether all of it was refused.
    const std::vector<PointUpdate> updates = {{Id(uint64_t{1}), payload_patch(R"({"n":9})")},
                                              {Id(uint64_t{2}), patch}};
    expect_refused(books_->update(updates, Durability::kSync), Code::kInvalidArgument, words);
    expect_refused(books_->update(filter("n = 1"), patch, Durability::kSync, {}), Code::kInvalidArgument,
                   words);
  };
  refused({}, "changes nothing");
  refused(payload_patch("[1]"), "payload");
  refused(payload_patch("{"), "payload");
  refused(payload_patch(R"({"lang":null})"), "lang");
  refused(payload_patch(R"({"n":"many"})"), "n");
  refused(payload_patch(fmt::format(R"({{"t":"{}"}})", std::string(limits::kMiB, 'x'))), "payload_bytes");
  refused(payload_patch(fmt::format(R"({{"t":"{}"}})", std::string(limits::kMiB - 20, 'x'))),
          "payload_bytes");
  Patch patch;
  patch.vectors = {{"u", f32({1, 2})}};
  refused(patch, "no such field");
  patch.vectors = {{"v", f32({1, 2, 3})}};
  refused(patch, "12 bytes");
  patch.vectors = {{"v", f32({1, 2})}, {"v", f32({1, 2})}};
  refused(patch, "twice");
  patch = {};
  patch.expires_at_ms = limits::kExpiresAt.max + 1;
  refused(patch, "expires_at_ms");
  const std::vector<PointUpdate> twice(2, {Id(uint64_t{1}), payload_patch(R"({"n":9})")});
  expect_refused(books_->update(twice, Durability::kSync), Code::kInvalidArgument, "twice");
  expect_refused(books_->update(std::span<const PointUpdate>(), Durability::kSync), Code::kInvalidArgument,
                 "0");
  const Filter unsound{NotOf{}};
  EXPECT_EQ(code_of(books_->remove(unsound, Durability::kSync, {})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->update(unsound, payload_patch("{}"), Durability::kSync, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(books_->info().sequence, sequence);
  EXPECT_EQ(get(1).payload, R"({"lang":"en","n":1})");
  expect_refused(update(1, payload_patch(R"({"lang":null})")), Code::kInvalidArgument, "point 1: ");
}

TEST_F(UpdateTest, ABatchIsBoundedByWhatItsPointsHold) {
  const std::string big(limits::kMiB - 100, 'x');
  std::vector<PointUpdate> updates;
  for (uint64_t id = 0; id < 70; ++id) {
    upsert(id, 1, fmt::format(R"({{"lang":"en","t":"{}"}})", big));
    updates.push_back({Id(id), payload_patch(R"({"n":1})")});
  }
  expect_refused(books_->update(updates, Durability::kAsync), Code::kInvalidArgument, "update fewer at once");
  EXPECT_EQ(count("n = 1"), 0u);
  const uint64_t sequence = books_->info().sequence;
  const auto done =
      must(books_->update(filter("lang = 'en'"), payload_patch(R"({"n":1})"), Durability::kAsync, {}));
  EXPECT_EQ(done.updated, 70u) << "by filter in as many batches as it takes";
  EXPECT_GT(done.sequence, sequence + 1);
  EXPECT_EQ(count("n = 1"), 70u);
}

TEST_F(UpdateTest, RemovalByFilterTakesWhatSatisfiesIt) {
  upsert(0, 3'500, R"({"lang":"en"})");
  upsert(3'500, 20, R"({"lang":"de"})");
  upsert(3'520, 5, R"({"lang":"en"})", kStartMs + 10);
  clock_.advance_ms(10);
  const uint64_t sequence = books_->info().sequence;
  const auto none = must(books_->remove(filter("lang = 'fr'"), Durability::kSync, {}));
  EXPECT_EQ(none.removed, 0u);
  EXPECT_EQ(none.sequence, sequence);
  const auto done = must(books_->remove(filter("lang = 'en'"), Durability::kSync, {}));
  EXPECT_EQ(done.removed, 3'500u) << "those that have expired are not there";
  EXPECT_EQ(done.sequence, sequence + 4);
  EXPECT_EQ(must(books_->count()), 20u);
  open();
  EXPECT_EQ(content_of(*books_).size(), 20u);
  EXPECT_EQ(must(books_->remove(filter("NOT lang = 'en'"), Durability::kSync, {})).removed, 20u);
  EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
}

TEST_F(UpdateTest, AnErrorSaysHowManyWereDone) {
  upsert(0, 2'500, R"({"lang":"en"})");
  upsert(2'500, 1, fmt::format(R"({{"lang":"en","t":"{}"}})", std::string(limits::kMiB - 100, 'x')));
  const Patch patch = payload_patch(fmt::format(R"({{"u":"{}"}})", std::string(100, 'y')));
  const auto failed = books_->update(filter("lang = 'en'"), patch, Durability::kAsync, {});
  expect_refused(failed, Code::kInvalidArgument, "2000 points were updated, up to sequence ");
  expect_refused(failed, Code::kInvalidArgument, "point 2500: payload bytes");
  EXPECT_EQ(count("EXISTS u"), 2'000u);
  // After the first batch.
  Stop stop;
  std::pair<const Collection*, uint64_t> before{books_.get(), books_->info().sequence};
  stop.context = &before;
  stop.cancelled = [](const void* context) {
    const auto& [collection, sequence] = *static_cast<const decltype(before)*>(context);
    return collection->info().sequence > sequence;
  };
  expect_refused(books_->remove(filter("EXISTS u"), Durability::kAsync, stop), Code::kCancelled,
                 "1000 points were removed, up to sequence ");
  EXPECT_EQ(count("EXISTS u"), 1'000u);
}

TEST_F(UpdateTest, UpdatesAreLimitedAsUpsertsAre) {
  upsert(0, 10, R"({"lang":"en"})");
  must(db_->limit_memory("books", 1));
  const Patch patch = payload_patch(R"({"n":1})");
  expect_refused(update(1, patch), Code::kResourceExhausted, "an update of 1 points");
  expect_refused(books_->update(filter("lang = 'en'"), patch, Durability::kAsync, {}),
                 Code::kResourceExhausted, "reads and deletes go on");
  EXPECT_EQ(count("n = 1"), 0u);
  EXPECT_EQ(must(books_->remove(filter("lang = 'en'"), Durability::kAsync, {})).removed, 10u);
  must(db_->drop_collection("books"));
  EXPECT_EQ(code_of(update(1, patch)), Code::kNotFound);
  EXPECT_EQ(code_of(books_->remove(filter("lang = 'en'"), Durability::kAsync, {})), Code::kNotFound);
}

class UpdateModelTest : public ModelledCollection {
 protected:
  Patch patch() {
    Patch out;
    if (random_.below(3) > 0) {
      out.payload = filters_.payload();
      out.replace_payload = random_.below(4) == 0;
    }
    if (out.payload.empty() || random_.below(3) == 0) out.vectors = {{"v", f32(vector())}};
    return out;
  }
  static void apply(const Patch& patch, ModelPoint& point) {
    if (patch.replace_payload)
      point.payload = patch.payload;
    else if (!patch.payload.empty())
      point.payload = merge_patch(point.payload, patch.payload);
    for (const FieldVector& each : patch.vectors) point.vector = floats(each.data);
  }
  void update_ids() {
    std::map<Id, Patch> patches;
    for (int i = 0; i < 20; ++i) patches[Id(random_.below(ids_ + 50))] = patch();
    std::vector<PointUpdate> updates;
    uint64_t there = 0;
    for (const auto& [id, each] : patches) {
      updates.push_back({id, each});
      const auto found = model_.find(id);
      if (found == model_.end()) continue;
      apply(each, found->second);
      ++there;
    }
    const WriteReceipt done = must(books_->update(updates, Durability::kAsync));
    EXPECT_EQ(done.updated, there);
    EXPECT_EQ(done.missing, updates.size() - there);
  }
  void update_where(const Filter& which) {
    const Patch change = patch();
    const auto found = satisfying(which);
    for (const auto& [id, point] : found) apply(change, model_[id]);
    EXPECT_EQ(must(books_->update(which, change, Durability::kAsync, {})).updated, found.size());
  }
  void remove_where(const Filter& which) {
    const auto found = satisfying(which);
    if (found.size() > 100) return;
    for (const auto& [id, point] : found) model_.erase(id);
    EXPECT_EQ(must(books_->remove(which, Durability::kAsync, {})).removed, found.size());
  }
  void check() {
    const auto stored = content_of(*books_);
    ASSERT_EQ(stored.size(), model_.size());
    for (const auto& [id, point] : model_) {
      const auto found = stored.find(id);
      ASSERT_TRUE(found != stored.end()) << to_string(id);
      ASSERT_EQ(found->second.payload, point.payload) << to_string(id);
      ASSERT_EQ(found->second.vectors.at("v"), f32(point.vector)) << to_string(id);
    }
    for (int i = 0; i < 5; ++i) {
      const Filter asked = filters_.filter();
      ASSERT_EQ(must(books_->count(&asked, {})), satisfying(asked).size()) << to_text(asked);
    }
    EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
  }
};

TEST_P(UpdateModelTest, RandomUpdatesAndRemovalsAreThoseOfAModel) {
  SCOPED_TRACE(fmt::format("KITH_SEED={}", seed_));
  open();
  upsert(400);
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    const Filter which = filters_.filter();
    SCOPED_TRACE(to_text(which));
    update_ids();
    update_where(which);
    remove_where(filters_.filter());
    if (round % 4 == 0) upsert(30);
    if (round % 10 == 0) check();
    if (round % 20 == 19) open();
  }
  check();
}

INSTANTIATE_TEST_SUITE_P(Kinds, UpdateModelTest, testing::Values("flat", "vamana"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace kith
