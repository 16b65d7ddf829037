#!/usr/bin/env bash
# Goal: the AArch64 build of the kernels compiles without a warning and passes the same tests as here.
# Method: cross-compile kernels, tests and GoogleTest (from Debian's sources) into one static program, run it under QEMU.
# Usage: neon_cross_test.sh SOURCE_DIR WORK_DIR. Exits 77 (skipped) where compiler, emulator or sources are missing.
set -euo pipefail
source_dir=$1
work=$2
compiler=aarch64-linux-gnu-g++
emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
gtest=/usr/src/googletest/googletest
for need in "$(command -v $compiler || true)" "$emulator" $gtest/src/gtest-all.cc /usr/include/fmt/core.h; do
  if [ ! -e "$need" ]; then
    echo "skipped: needs $compiler, qemu-aarch64-static, and the packages googletest and libfmt-dev"
    exit 77
  fi
done

# Only these headers of the host may be seen: the rest of /usr/include is for another architecture.
mkdir -p "$work/include"
ln -sfn /usr/include/fmt "$work/include/fmt"
flags="-std=c++20 -O2 -Wall -Wextra -Wshadow -Werror -DFMT_HEADER_ONLY -D_GLIBCXX_ASSERTIONS"
flags+=" -fno-math-errno -fno-trapping-math -ffp-contract=off"
includes="-I$source_dir -isystem $work/include -isystem $gtest/include"
compile() {  # compile SOURCE: one object, added to the list to link
  local object="$work/$(basename "$1" .cc).o"
  echo "compiling $(basename "$1")"
  $compiler $flags $includes -c "$1" -o "$object"
  objects+=("$object")
}

objects=()
for name in neon scalar dispatch distance convert normalize; do
  compile "$source_dir/index/distance/$name.cc"
done
compile "$source_dir/base/cpu.cc"
for test in "$source_dir"/tests/index/distance/*_test.cc; do compile "$test"; done
if [ ! -e "$work/gtest.a" ]; then
  $compiler -O1 -I$gtest -isystem $gtest/include -c $gtest/src/gtest-all.cc -o "$work/gtest-all.o"
  $compiler -O1 -I$gtest -isystem $gtest/include -c $gtest/src/gtest_main.cc -o "$work/gtest_main.o"
  aarch64-linux-gnu-ar rcs "$work/gtest.a" "$work/gtest-all.o" "$work/gtest_main.o"
fi
$compiler -static -o "$work/neon_distance_tests" "${objects[@]}" "$work/gtest.a" -lpthread
# Death tests start the program anew, which an emulated process cannot.
"$emulator" "$work/neon_distance_tests" --gtest_filter='-*Death*'
