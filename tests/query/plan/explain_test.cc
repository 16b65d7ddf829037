// Goal: what a plan says of itself stays as it is, numbers and all. Method: plans made by hand against text
// kept here.
#include "query/plan/explain.h"

#include <gtest/gtest.h>

namespace kith::test {
namespace {

Plan walk() {
  Plan plan;
  plan.chosen = {FilterPlan::kInline, 24, 0.9625, 48'100, {12.5, 532, 61, 980, 0}, true};
  plan.others = {{FilterPlan::kCodeScan, 40, 0.998, 96'000, {40, 3000, 0, 3000, 0}, true},
                 {FilterPlan::kPost, 160, 0.91, 120'400, {20, 4000, 300, 400, 0.5}, false},
                 {FilterPlan::kScan, 0, 1, 240'000, {3000, 0, 0, 3000, 0}, true}};
  plan.recall_target = 0.95;
  plan.share = 0.05;
  plan.correlation = 2.5;
  plan.correlation_known = true;
  plan.distances_max = 2178;
  plan.fallback = FilterPlan::kCodeScan;
  plan.costs = {1500, 70, 20, 400, 3, 0, 80, 30};
  return plan;
}

PlanOutcome outcome() {
  PlanOutcome out;
  out.begun = FilterPlan::kInline;
  out.plan = FilterPlan::kCodeScan;
  out.stats.full_distances = 52;
  out.stats.code_distances = 5180;
  out.stats.hops = 240;
  out.stats.predicate_evaluations = 6100;
  out.nanoseconds = 210'000;
  return out;
}

TEST(Explain, ShowsPlansAsText) {
  EXPECT_EQ("\n" + explain_text(walk()), R"(
recall target 0.95; share 0.05, correlation 2.5 (seen); given up after 2178 distances for code-scan
  plan         effort  recall          us        full        code        hops       asked         ios
* inline           24  0.9625        48.1        12.5       532.0        61.0       980.0         0.0
  code-scan        40  0.9980        96.0        40.0      3000.0         0.0      3000.0         0.0
  post            160  0.9100       120.4        20.0      4000.0       300.0       400.0         0.5  misses the target
  scan              -  1.0000       240.0      3000.0         0.0         0.0      3000.0         0.0
)");
}

TEST(Explain, ShowsWhatWasPredictedBesideWhatItTook) {
  const std::string text = explain_text(walk(), outcome());
  EXPECT_EQ(text.substr(text.find("\nran")), R"(
ran inline, then code-scan
term                       predicted      actual     ns each  predicted us   actual us
full_distances                  12.5          52       70.00           0.9         3.6
code_distances                 532.0        5180       20.00          10.6       155.4
hops                            61.0         240      400.00          24.4        96.0
predicate_evaluations          980.0        6100        3.00           2.9         0.0
ios                              0.0           0        0.00           0.0         0.0
search                             1           1     1500.00           1.5         1.5
time, measured                                                        48.1       210.0
)");
}

TEST(Explain, SaysWhenNothingWasMeasured) {
  Plan plan;
  plan.chosen.effort = 70;
  EXPECT_NE(explain_text(plan).find("effort 70; nothing like it was measured"), std::string::npos);
  plan = walk();
  plan.correlation_known = false;
  plan.explores = true;
  EXPECT_NE(explain_text(plan).find("(hoped for)"), std::string::npos);
  plan.explores = false;
  EXPECT_NE(explain_text(plan).find("(expected)"), std::string::npos);
}

TEST(Explain, IsAnObjectOfJson) {
  Plan plan = walk();
  plan.others.resize(1);
  EXPECT_EQ(explain_json(plan, outcome()),
            R"({"chosen":{"plan":"inline","effort":24,"recall":0.9625,"nanoseconds":48100,"reaches":true,)"
            R"("work":{"full_distances":12.5,"code_distances":532,"hops":61,"predicate_evaluations":980,)"
            R"("ios":0}},"others":[{"plan":"code-scan","effort":40,"recall":0.998,"nanoseconds":96000,)"
            R"("reaches":true,"work":{"full_distances":40,"code_distances":3000,"hops":0,)"
            R"("predicate_evaluations":3000,"ios":0}}],"recall_target":0.95,"share":0.05,"correlation":2.5,)"
            R"("correlation_known":true,"explores":false,"distances_max":2178,"fallback":"code-scan",)"
            R"("nanoseconds_each":{"full_distances":70,"code_distances":20,"hops":400,)"
            R"("predicate_evaluations":3,"ios":0},"nanoseconds_search":1500,"actual":{"begun":"inline",)"
            R"("plan":"code-scan","nanoseconds":210000,"work":{"full_distances":52,"code_distances":5180,)"
            R"("hops":240,"predicate_evaluations":6100,"ios":0}}})");
  EXPECT_EQ(explain_json({}).find("actual"), std::string::npos);
}

}  // namespace
}  // namespace kith::test
