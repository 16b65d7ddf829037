// Elements as 16-bit floats: fp16 (IEEE 754 binary16, rounded to 11 bits, up to 65,504) or bf16 (the upper
// half of an f32, 8 bits, its whole range). Half the bytes; the distance kernels widen them on the way.
#pragma once

#include "index/codes/vector_code.h"

namespace kith {

extern const CodeKind kFp16Kind;
extern const CodeKind kBf16Kind;

}  // namespace kith
