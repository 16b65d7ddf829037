// Goal: filters on declared labels are answered by walks for labels, and rightly, whatever was written
// before: new points, other labels for old ones, removals, checkpoints, restarts. Method: a collection
// against a plain map of points, by brute force; a calibration in which walks for labels cost next to
// nothing, so that the planner always takes them.
#include "tests/query/collection/label_fields.h"

#include "query/schema/limits.h"

namespace kith {
namespace {

TEST_P(LabelFields, AnswersAreThoseOfAModel) {
  open();
  load(3'000);
  must(books_->settle({}));
  EXPECT_GT(expect_all_right(), kQueries) << "by the index's own rules";
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    if (round == 1) must(books_->checkpoint());
    std::vector<uint64_t> gone;
    for (int i = 0; i < 150; ++i) gone.push_back(random_.below(3'300));
    remove_all(gone);
    std::map<uint64_t, ModelPoint> points;
    for (int i = 0; i < 200; ++i) {
      const uint64_t id = random_.below(3'300);
      const auto old = model_.find(id);
      points[id] = {old != model_.end() && i % 2 == 0 ? old->second.vector : vector(), payload()};
    }
    upsert_all(std::move(points));
    if (round == kRounds - 1) files_ = &new_memory_files();  // without the checkpoint
    if (round > 0) reopen();
    expect_all_right();
  }
  EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
}

/// Points that left a label, or came to it, and their edges.
TEST_P(LabelFields, WalksFollowRemovalsAndOtherLabels) {
  open();
  load(2'500);
  make_labels_cheap();
  const char* filters[] = {"tenant = 't0'",
                           "tenant = 't2'",
                           "tenant = 't5'",
                           "tags IN (7, 30)",
                           "tags = 1 AND tags = 2 AND tags = 3",
                           "read = true",
                           "tenant = 't0' AND n < 10",
                           "tags = 1 AND (n < 30 OR tenant = 't1')"};
  for (const char* filter : filters) expect_by_labels(filter);
  // The oldest of t1 and t2 among them: walks for their labels began there.
  std::vector<uint64_t> gone;
  for (const char* tenant : {"tenant = 't1'", "tenant = 't2'"}) {
    std::vector<uint64_t> all = satisfying(must(parse_filter_text(tenant)));
    gone.insert(gone.end(), all.begin(), all.begin() + static_cast<ptrdiff_t>(all.size() * 3 / 4));
  }
  remove_all(gone);
  std::map<uint64_t, ModelPoint> moved;
  for (const uint64_t id : satisfying(must(parse_filter_text("tenant = 't0' AND n >= 70"))))
    moved[id] = {model_.at(id).vector, R"({"tenant":"late","tags":[1],"n":7})"};
  ASSERT_GT(moved.size(), 200u);
  upsert_all(std::move(moved));
  for (int opened = 0; opened < 2; ++opened) {
    must(books_->settle({}));
    for (const char* filter : filters) expect_by_labels(filter);
    expect_by_labels("tenant = 't1'");
    // Their vectors are those of before, so they hang at nodes that are there, some of them starts of labels.
    expect_by_labels("tenant = 'late'");
    if (opened == 1) break;
    must(db_->compact("books", {}));  // the index is made anew
    make_labels_cheap();
  }
  EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
}

TEST_P(LabelFields, PlansAreTold) {
  open();
  load(1'000);
  must(books_->settle({}));
  const auto told = [&](const std::string& filter) {
    Query query;
    query.field = "v";
    query.vector = f32(vector());
    query.filter = must(parse_filter_text(filter));
    query.explain = Explain::kPlan;
    return must(books_->search(query)).explanation->plan;
  };
  const auto lists_labels = [](const Plan& plan) {
    return plan.chosen.plan == FilterPlan::kLabels ||
           std::ranges::find(plan.others, FilterPlan::kLabels, &PlanEstimate::plan) != plan.others.end();
  };
  must(books_->calibrate({}));
  const Plan measured = told("tenant = 't0'");
  EXPECT_TRUE(lists_labels(measured));
  make_labels_cheap();
  EXPECT_EQ(told("tenant = 't0'").chosen.plan, FilterPlan::kLabels);
  EXPECT_EQ(told("tenant = 't0' AND n < 50").chosen.plan, FilterPlan::kLabels);
  EXPECT_FALSE(lists_labels(told("n < 50")));
  EXPECT_FALSE(lists_labels(told("tenant = 't0' OR n < 50")));

  std::vector<Query> batch(3);
  for (Query& query : batch) {
    query.field = "v";
    query.vector = f32(vector());
    query.filter = must(parse_filter_text("tenant = 't1'"));
  }
  batch.push_back(batch[0]);
  batch[3].group_by = GroupBy{{{"tenant"}}, 3};
  const auto answers = must(books_->search_batch(batch));
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(answers[i].taken->plan, FilterPlan::kLabels);
  ASSERT_EQ(answers[3].groups.size(), 1u);
  EXPECT_EQ(answers[3].groups[0].hits.size(), 3u);
  batch[0].field = "other";  // of a kind that knows no labels
  batch[0].vector = f32({1, 2});
  EXPECT_EQ(must(books_->search(batch[0])).taken->plan, FilterPlan::kScan);
}

TEST_P(LabelFields, HaveLimits) {
  open();
  load(600);
  const auto content = [&](size_t tags) {
    std::string list = "1000";
    for (size_t i = 1; i < tags; ++i) list += fmt::format(",{}", 1'000 + i);
    return ModelPoint{vector(), R"({"tags":[)" + list + "]}"};
  };
  upsert(700, content(limits::kLabels.max));
  const ModelPoint beyond = content(limits::kLabels.max + 1);
  const Point refused{uint64_t{700}, {{"v", f32(beyond.vector)}}, beyond.payload};
  const auto outcome = books_->upsert(std::vector{refused}, Durability::kAsync);
  ASSERT_EQ(code_of(outcome), Code::kInvalidArgument);
  EXPECT_NE(outcome.error().message.find("limit 'labels'"), std::string::npos) << outcome.error().message;
  make_labels_cheap();
  for (const size_t tag : {size_t{0}, limits::kLabels.max - 1})
    expect_right(fmt::format("tags = {}", 1'000 + tag));
  EXPECT_EQ(must(books_->count()), model_.size());
  // More values than a walk takes: answered all the same.
  std::string many = "tags IN (1";
  for (uint64_t i = 2; i <= limits::kLabels.max; ++i) many += fmt::format(",{}", i);
  expect_by_labels(many + ")");
  EXPECT_EQ(expect_right(many + ",65)"), 0u);
}

INSTANTIATE_TEST_SUITE_P(Edges, LabelFields, testing::Values("filtered", "stitched"),
                         [](const auto& edges) { return std::string(edges.param); });

}  // namespace
}  // namespace kith
