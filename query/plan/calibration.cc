// How a calibration is kept (docs/formats.md):
//   u8 version = 1, u64 rows, u64 sequence, u64 queries, f64 unit costs in the order of UnitCosts,
//   u32 points, then for each: u8 plan, f32 share, f32 correlation, u32 k, u32 effort, u32 queries,
//     f32 recall, f32 recall_low, f32 nanoseconds, f64 work in the order of MeanWork
//   u32 crc32c of all before
#include "query/plan/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kPointBytes = 1 + 8 * 4 + 5 * 8;
constexpr double kCostMax = 1e15;  // nanoseconds, or counts: eleven days

auto place_of(const CalibrationPoint& point) {
  return std::make_tuple(point.plan, point.share, point.correlation, point.k, point.effort);
}

auto parts_of(auto& work) {
  return std::array{&work.full_distances, &work.code_distances, &work.hops, &work.predicate_evaluations,
                    &work.ios};
}

auto costs_of(auto& costs) {
  return std::array{&costs.search,      &costs.full_distance,        &costs.code_distance,
                    &costs.hop,         &costs.predicate_evaluation, &costs.io,
                    &costs.scanned_row, &costs.scanned_code};
}

void encode_point(ByteWriter& out, const CalibrationPoint& point) {
  out.number(point.plan);
  out.number(point.share);
  out.number(point.correlation);
  out.number(point.k);
  out.number(point.effort);
  out.number(point.queries);
  out.number(point.recall);
  out.number(point.recall_low);
  out.number(point.nanoseconds);
  for (const double* part : parts_of(point.work)) out.number(*part);
}

bool is_cost(double value) {
  return value >= 0 && value <= kCostMax;
}

bool is_possible(const CalibrationPoint& point) {
  if (!(point.share > 0 && point.share <= 1) || point.k == 0) return false;
  if (!(point.correlation >= 1e-6f && point.correlation <= 1e6f)) return false;
  if (!(point.recall >= 0 && point.recall <= 1)) return false;
  if (!(point.recall_low >= 0 && point.recall_low <= point.recall)) return false;
  const auto parts = parts_of(point.work);
  return is_cost(double{point.nanoseconds}) &&
         std::all_of(parts.begin(), parts.end(), [](const double* part) { return is_cost(*part); });
}

Result<CalibrationPoint> decode_point(ByteReader& in) {
  CalibrationPoint point;
  const auto plan = TRY(in.number<uint8_t>());
  if (plan >= kFilterPlans) return corruption("calibration: plan {} at offset {}", plan, in.offset());
  point.plan = static_cast<FilterPlan>(plan);
  for (float* field : {&point.share, &point.correlation}) *field = TRY(in.number<float>());
  for (uint32_t* field : {&point.k, &point.effort, &point.queries}) *field = TRY(in.number<uint32_t>());
  for (float* field : {&point.recall, &point.recall_low, &point.nanoseconds})
    *field = TRY(in.number<float>());
  for (double* part : parts_of(point.work)) *part = TRY(in.number<double>());
  if (!is_possible(point))
    return corruption("calibration: the point before offset {} holds values that nobody measured",
                      in.offset());
  return point;
}

Result<Calibration> decode_body(ByteReader& in) {
  Calibration calibration;
  for (uint64_t* field : {&calibration.rows, &calibration.sequence, &calibration.queries})
    *field = TRY(in.number<uint64_t>());
  for (double* cost : costs_of(calibration.costs)) {
    *cost = TRY(in.number<double>());
    if (!is_cost(*cost)) return corruption("calibration: a unit of work costs {} ns", *cost);
  }
  const auto count = TRY(in.number<uint32_t>());
  if (in.left() != uint64_t{count} * kPointBytes)
    return corruption("calibration: {} points in {} bytes", count, in.left());
  calibration.points.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    calibration.points.push_back(TRY(decode_point(in)));
    if (i > 0 && !(place_of(calibration.points[i - 1]) < place_of(calibration.points[i])))
      return corruption("calibration: point {} is out of order", i);
  }
  return calibration;
}

}  // namespace

double UnitCosts::of(FilterPlan plan, const MeanWork& work) const {
  if (plan == FilterPlan::kScan) return search + work.full_distances * scanned_row;
  const bool scans = plan == FilterPlan::kCodeScan;
  return search + work.full_distances * full_distance +
         work.code_distances * (scans ? scanned_code : code_distance) + work.hops * hop +
         (scans ? 0 : work.predicate_evaluations * predicate_evaluation) + work.ios * io;
}

void Calibration::prepare() {
  std::sort(points.begin(), points.end(),
            [](const CalibrationPoint& a, const CalibrationPoint& b) { return place_of(a) < place_of(b); });
  table = PlanTable(*this);
}

std::string encode_calibration(const Calibration& calibration) {
  ByteWriter out;
  out.number(kVersion);
  for (const uint64_t field : {calibration.rows, calibration.sequence, calibration.queries})
    out.number(field);
  for (const double* cost : costs_of(calibration.costs)) out.number(*cost);
  out.number(static_cast<uint32_t>(calibration.points.size()));
  for (const CalibrationPoint& point : calibration.points) encode_point(out, point);
  out.number(crc32c(out.view()));
  return std::string(as_text(out.view()));
}

Result<Calibration> decode_calibration(std::string_view bytes) {
  constexpr size_t kSum = sizeof(uint32_t);
  if (bytes.size() < kSum) return corruption("calibration: {} bytes", bytes.size());
  const auto body = as_bytes(bytes.substr(0, bytes.size() - kSum));
  if (crc32c(body) != load_le<uint32_t>(bytes.data() + body.size()))
    return corruption("calibration: its {} bytes do not have the checksum at their end", bytes.size());
  ByteReader in(body, "calibration");
  const auto version = TRY(in.number<uint8_t>());
  if (version != kVersion) return corruption("calibration has version {}, known is {}", version, kVersion);
  Calibration calibration = TRY(decode_body(in));
  TRY(in.finish());
  calibration.prepare();
  return calibration;
}

}  // namespace kith
