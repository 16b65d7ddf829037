#include "query/recall/calibration_record.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "index/distance/distance.h"

namespace kith {
namespace {

constexpr uint8_t kVersion = 2;

std::string measured_of(const VectorField& field) {
  std::string text =
      fmt::format("{} {} {} {}", field.index, metric_name(field.metric), scalar_name(field.type), field.dim);
  for (const auto& [name, value] : field.options) text += fmt::format(" {}={}", name, value);
  return text + fmt::format(" {}", cpu_level_name(cpu_level()));
}

}  // namespace

std::string encode_calibration_record(const KeptCalibration& kept, const VectorField& field) {
  ByteWriter body;
  body.text(measured_of(field));
  body.number(kept.rows_end);
  body.number(kept.rows);
  body.number(kept.code_version);
  body.raw(as_bytes(encode_calibration(kept.calibration)));
  ByteWriter writer;
  writer.number(kVersion);
  writer.number(crc32c(body.view()));
  writer.raw(body.view());
  return std::string(as_text(writer.view()));
}

Result<KeptCalibration> parse_calibration_record(std::string_view value, const VectorField& field) {
  ByteReader reader(as_bytes(value), "calibration record");
  const auto version = TRY(reader.number<uint8_t>());
  if (version == 0 || version > kVersion)
    return corruption("calibration record has version {}, known is up to {}", version, kVersion);
  const auto checksum = TRY(reader.number<uint32_t>());
  if (crc32c(reader.rest()) != checksum)
    return corruption("calibration record: its checksum is not that of its bytes");
  const std::string_view measured = TRY(reader.text());
  if (const std::string here = measured_of(field); measured != here)
    return failed_precondition("calibration record is of '{}', not of '{}'", measured, here);
  KeptCalibration kept;
  kept.rows_end = TRY(reader.number<uint64_t>());
  kept.rows = TRY(reader.number<uint64_t>());
  if (kept.rows > kept.rows_end)
    return corruption("calibration record: {} of {} rows are live", kept.rows, kept.rows_end);
  if (version > 1) kept.code_version = TRY(reader.number<uint32_t>());
  kept.calibration = TRY(decode_calibration(as_text(reader.rest())));
  return kept;
}

}  // namespace kith
