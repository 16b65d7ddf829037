// Between kith.v1 messages and plans: how a search was answered, what was expected, what was measured. Both
// ways: the command line prints what a server says as it prints what the library says.
#pragma once

#include "base/result.h"
#include "kith.pb.h"
#include "query/explanation.h"
#include "query/types.h"

namespace kith {

void taken_to_proto(const TakenPlan& taken, v1::TakenPlan* out);
void explanation_to_proto(const Explanation& explanation, v1::Explanation* out);
void recall_to_proto(const FieldRecall& recall, v1::FieldInfo* out);
void calibration_to_proto(const FieldCalibration& field, v1::FieldCalibration* out);

/// Of an answer that has one. Unavailable when a plan has a name that is not known here: the server is newer.
Result<Explanation> explanation_from_proto(const v1::SearchResponse& answer);
SearchStats stats_from_proto(const v1::SearchStats& stats);

}  // namespace kith
