// links: kith_query
// Goal: any bytes read as a calibration give one that is written as the same bytes and that plans can be made
// by, or a Corruption. Method: edits of a valid one with its checksum made right, or raw bytes.
#include <cmath>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "query/plan/planner.h"
#include "tests/fuzz/edits.h"

namespace {

kith::Calibration valid_calibration() {
  using namespace kith;
  Calibration out;
  out.rows = 5000;
  for (const FilterPlan plan : {FilterPlan::kAuto, FilterPlan::kScan, FilterPlan::kInline})
    for (const float share : {0.1f, 1.0f})
      for (const uint32_t effort : {10u, 20u})
        out.points.push_back({plan, share, 1, 10, effort, 100, 0.9f, 0.88f, 2e4f, {5, 300, 40, 300, 0}});
  out.prepare();
  return out;
}

void check_plan(const kith::Calibration& calibration, bool filtered, double target) {
  kith::PlanQuestion question;
  question.rows = 10'000;
  question.matches = filtered ? 700 : question.rows;
  question.filtered = filtered;
  question.recall_target = target;
  question.explore = true;
  const kith::Plan plan = kith::make_plan(&calibration, question, true);
  CHECK(std::isfinite(plan.chosen.nanoseconds) && plan.chosen.nanoseconds >= 0);
  for (const kith::PlanEstimate& other : plan.others) CHECK(std::isfinite(other.nanoseconds));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kith;
  const std::string valid = encode_calibration(valid_calibration());
  std::vector<std::byte> bytes = fuzz::edited({data, size}, {as_bytes(valid).begin(), as_bytes(valid).end()});
  if (bytes.size() >= 4) {
    const auto body = std::span(bytes).first(bytes.size() - 4);
    store_le(bytes.data() + body.size(), crc32c(body));
  }
  const Result<Calibration> read = decode_calibration(as_text(bytes));
  if (!read.ok()) {
    CHECK(read.error().code == Code::kCorruption);
    return 0;
  }
  CHECK(encode_calibration(*read) == as_text(bytes));
  for (const bool filtered : {false, true})
    for (const double target : {0.5, 0.95, 1.0}) check_plan(*read, filtered, target);
  return 0;
}
