// Calibration record: a field's calibration as the store keeps it. Derived: one that is damaged, or was
// measured of something else, is measured anew.
//
//   u8 version = 2, u32 crc32c of all after it, text measured, u64 rows end, u64 rows, u32 code version, then
//   the calibration (query/plan/calibration.h); version 1 had none, which is read as 0
//
// `measured` names what the figures are of: kind, metric, type, dimension and options of the field, and the
// kernels of the machine, since another one has other costs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "query/plan/calibration.h"
#include "query/types.h"

namespace kith {

/// A calibration, and what the collection was like when it was measured: what tells how much has changed.
struct KeptCalibration {
  Calibration calibration;
  uint64_t rows_end = 0;      // rows given by then
  uint64_t rows = 0;          // of them live
  uint32_t code_version = 0;  // of the index (IndexStats)
};

std::string encode_calibration_record(const KeptCalibration& kept, const VectorField& field);
/// Corruption when the bytes are anything else; FailedPrecondition when they are of something else.
Result<KeptCalibration> parse_calibration_record(std::string_view value, const VectorField& field);

}  // namespace kith
