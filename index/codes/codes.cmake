# The loops of codes that exist per CPU level: compiled with that level's instructions, called only where the CPU has
# them (see distance/distance.cmake, whose flags these are).
function(code_source name)
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/codes/${name}.cc PROPERTIES COMPILE_OPTIONS
    "${kernel_flags};${ARGN}")
endfunction()

code_source(pq_adc)
code_source(pq_scalar)
code_source(pq_avx2 ${avx2_flags})
code_source(pq_avx512 ${avx512_flags})
code_source(fastscan)
code_source(fastscan_scalar)
code_source(fastscan_avx2 ${avx2_flags})
code_source(fastscan_avx512 ${avx512_flags})
