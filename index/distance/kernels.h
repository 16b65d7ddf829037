// The kernels of one CPU level as a plain table: what a level's sources export and dispatch.cc chooses from.
//
// A level's source is compiled with that level's instruction flags, so it must not emit any function the
// linker could share with baseline code: it includes this header and its intrinsics only, and keeps all else
// in an anonymous namespace.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace kith::kernels {

using Kernel = void (*)(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out);

struct Metrics {
  Kernel l2, ip, cosine;
};

struct FloatTable {
  Metrics f32, f16, bf16;
};

struct IntegerTable {
  Metrics i8, u8;
};

extern const FloatTable kScalarFloat;
extern const IntegerTable kScalarInteger;
extern const Kernel kScalarHamming;

extern const FloatTable kAvx2Float;
extern const IntegerTable kAvx2Integer;
extern const Kernel kAvx2Hamming;

extern const FloatTable kAvx512Float;
extern const Metrics kAvx512Bf16;  // AVX512-BF16: dot products of bf16 rows
extern const IntegerTable kAvx512Integer;
extern const IntegerTable kAvx512Vnni;
extern const Kernel kAvx512Hamming;
extern const Kernel kAvx512Popcnt;  // AVX512-VPOPCNTDQ

extern const FloatTable kNeonFloat;
extern const IntegerTable kNeonInteger;
extern const Kernel kNeonHamming;

/// 1 - dot / (|query| |row|) in double, for the rare rows whose squared norm leaves the range of float; 1
/// when a norm is zero, +infinity when an element is NaN. Element type by name, one function each so that
/// nothing is passed by tag.
float cosine_in_double_f32(const void* query, const void* row, uint32_t dim);
float cosine_in_double_f16(const void* query, const void* row, uint32_t dim);
float cosine_in_double_bf16(const void* query, const void* row, uint32_t dim);

}  // namespace kith::kernels
