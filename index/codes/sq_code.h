// Scalar quantisation with bounds of each vector's own: LVQ (Aguerrebere et al., "Similarity Search in the
// Blink of an Eye with Compressed Indices", VLDB 2023, sections 3 and 4).
//
// The mean of the training vectors is subtracted; the elements of a vector are then rounded to 256 (sq8) or
// 16 (sq4) equal steps between its least and its greatest. lvq4x8 adds a second level: what 4 bits left over,
// in 8 bits more. Its rows begin with those of the first level, so that a search can walk on 4 bits and rank
// by 12 (walk_code()).
//
// A vector is middle + half (2 code - top) in every dimension, so its distance to a query takes the query's
// sum, its product with the codes, and numbers that stand in the row. Queries are rounded to 14 bits, far
// finer than any code.
#pragma once

#include "index/codes/vector_code.h"

namespace kith {

extern const CodeKind kSq8Kind;
extern const CodeKind kSq4Kind;
extern const CodeKind kLvq4x8Kind;

}  // namespace kith
