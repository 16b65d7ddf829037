#!/usr/bin/env bash
# Goal: a CPU without AVX never runs an AVX instruction by accident.
# Method: objects compiled for a level may export kernel tables and nothing else. Any weak symbol (an inline function)
# could be the copy that the linker keeps for the whole program. Usage: levels_isolated_test.sh LIBRARY...
set -euo pipefail
failed=0
checked=0
extracted=$(mktemp)
trap 'rm -f "$extracted"' EXIT
for library in "$@"; do
  for object in $(ar t "$library" | grep -E '^(avx|neon)'); do
    ar p "$library" "$object" > "$extracted"
    defined=$(nm -C --defined-only --extern-only "$extracted")
    if leaks=$(grep -vE ' [DR] kith::kernels::k(Avx2|Avx512|Neon)[A-Za-z0-9]*$' <<< "$defined"); then
      printf '%s shares more than its tables:\n%s\n' "$object" "$leaks"
      failed=1
    fi
    checked=$((checked + 1))
  done
done
if [ "$checked" -eq 0 ]; then
  echo "no object of a level in $*"
  failed=1
fi
exit $failed
