// Labels: what payloads have at paths that are declared as labels, as the numbers by which an index knows it
// (index/labels.h), and the labels by which a filter can be answered.
//
// A number is a hash of path and value, so it is the same for ever and in every process, and there is no
// table of values to be kept, replayed and purged (docs/adr/0006). Two values may share a number. Labels
// therefore only say where a walk goes; which rows it may return columns say, as of any filter.
#pragma once

#include <vector>

#include "base/result.h"
#include "index/index.h"
#include "query/filter/scalar.h"
#include "query/types.h"

namespace kith {

/// Equal for equal values, whatever numbers were written as.
Label label_of(const FilterPath& path, const ScalarView& value);

/// Whether points have labels.
bool declares_labels(const Schema& schema);
/// Whether the index of a field knows them: its kind can, and its options do not say labels=none.
bool takes_labels(const Schema& schema, const VectorField& field);
/// Options of the index of a field: its own, and labels=filtered where it takes labels and they say nothing
/// of them.
IndexOptions index_options(const Schema& schema, const VectorField& field);
/// Whether such an index walks for all of several labels at once: labels=nested and labels=fused do.
bool joins_labels(const IndexOptions& options);
/// InvalidArgument where a path of another type is declared as labels, or no field takes them.
Result<void> validate_labels(const Schema& schema);

/// Of a payload; InvalidArgument beyond limit 'labels'.
Result<LabelSet> labels_of(const Schema& schema, const JsonValue& payload);

/// Every point that satisfies the filter satisfies `rows`, and all that do carry one of the labels.
struct LabelTerm {
  OneOf rows;
  LabelSet labels;
  bool whole = false;  // `rows` is all that the filter says
};
/// The first few that the filter has, at its top or among what is joined by AND there.
std::vector<LabelTerm> label_terms(const Schema& schema, const Filter& filter);

}  // namespace kith
