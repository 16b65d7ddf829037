# kith_distance: the kernels. The library is built for the plainest CPU of its architecture; each level's sources get that
# level's instructions and are called only where dispatch.cc found the CPU to have them.
set(not_here "/neon[^/]*\\.cc$")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(not_here "/avx[^/]*\\.cc$")
endif()
kith_library(kith_distance DIRS index/distance DEPS kith_base EXCLUDE ${not_here})

# -fno-math-errno: square roots are one instruction. Optimised in every build, so that loops over registers unroll.
set(kernel_flags -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off)
set(avx2_flags -mavx2 -mfma -mf16c)
set(avx512_flags ${avx2_flags} -mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Else the loop that zeroes the sums becomes a memset, and the sums live in memory instead of registers.
  list(APPEND kernel_flags -fno-tree-loop-distribute-patterns)
  # gcc 12's own AVX-512 header reads "undefined" registers and warns of it (gcc bug 105593).
  list(APPEND avx512_flags -Wno-uninitialized -Wno-maybe-uninitialized)
endif()

function(kernel_source name)
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/${name}.cc PROPERTIES COMPILE_OPTIONS
    "${kernel_flags};${ARGN}")
endfunction()

kernel_source(distance/scalar)
kernel_source(distance/neon)
kernel_source(distance/avx2_float ${avx2_flags})
kernel_source(distance/avx2_integer ${avx2_flags})
kernel_source(distance/avx512_float ${avx512_flags})
kernel_source(distance/avx512_integer ${avx512_flags})
kernel_source(distance/avx512_bf16 ${avx512_flags} -mavx512bf16)
kernel_source(distance/avx512_vnni ${avx512_flags} -mavx512vnni)
kernel_source(distance/avx512_popcnt ${avx512_flags} -mavx512vpopcntdq)
