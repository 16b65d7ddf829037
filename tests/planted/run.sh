#!/usr/bin/env bash
# Proves the tests: each bug of bugs.txt must be noticed by the job that stands beside it, and no job may fail without a
# bug. Usage: tests/planted/run.sh BUILD_DIRECTORY [--quick] [BUG...]; --quick leaves out bugs of slow jobs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
BINARY=$PWD/$1/tests/planted/planted_tests
shift
[ -x "$BINARY" ] || { echo "planted: $BINARY was not built" >&2; exit 1; }
QUICK=
[ "${1:-}" != --quick ] || { QUICK=1; shift; }
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir "$WORK/files"

JOBS=(storage ids sequences kill damage power checkpoints writes disk rebuild filters labels)
SLOW='writes|rebuild'  # over 5 s
# job NAME: its share of the tests, as small as still shows its bugs.
job() {
  case $1 in
    storage) tests 'CheckpointDirectory*' ;;
    ids) tests 'IdMap*' ;;
    sequences) KITH_SEED=1 KITH_SEQUENCES=600 tests 'ApiSequence.*' ;;
    kill) KITH_KILLS=60 tests 'Kill.*' ;;
    damage) KITH_CRASH_POINTS=500 tests 'Damage.*' ;;
    power) KITH_CRASH_POINTS=1500 tests 'PowerLoss.LosesNothing*' ;;
    checkpoints) tests 'CheckpointTest.OneOfAnotherTime*' ;;
    writes) tests 'WriteFailure*:*Concurrency*:*Linearizable*:-*_slow' ;;
    disk) tests 'FullDisk.A*' ;;
    filters) tests 'Kinds/FilteredTest.EveryRead*/0' ;;
    labels) tests 'Edges/LabelFields.Answers*/0' ;;
    rebuild) tests 'CheckpointTest.ALargeField*' ;;
    *) echo "planted: there is no job '$1'"; return 124 ;;
  esac
}
tests() { TMPDIR=$WORK/files timeout -k 5 120 "$BINARY" --gtest_filter="$1" --gtest_brief=1 --gtest_fail_fast; }

# catches BUG JOB: a test fails, or ends its process. That it does not end in time (124, 137) notices nothing.
catches() {
  local status=0
  KITH_PLANT=$1 job "$2" >"$WORK/$1.$2" 2>&1 || status=$?
  [ "$status" -ne 0 ] && [ "$status" -ne 124 ] && [ "$status" -ne 137 ]
}

# hunt BUG JOB: a line of the table. A bug that its job does not catch is missed; then the others are tried, to say which
# one to write into bugs.txt.
hunt() {
  local bug=$1 first=$2 start=$EPOCHREALTIME verdict=MISSED name
  if catches "$bug" "$first"; then
    verdict=caught
  else
    for name in $JOBS_TEXT; do
      [ "$name" = "$first" ] || ! catches "$bug" "$name" || { verdict="MISSED; $name catches it"; break; }
    done
  fi
  local tenths=$(((${EPOCHREALTIME/./} - ${start/./}) / 100000))
  printf '%-26s %-10s %4d.%d s  %s\n' "$bug" "$first" $((tenths / 10)) $((tenths % 10)) "$verdict"
}

bugs() { sed 's/#.*//' tests/planted/bugs.txt | awk 'NF { print $1, $2 }'; }
written=$(bugs | awk '{ print $1 }' | sort)
planted=$(grep -rhoE 'planted\("[a-z-]+"\)' base storage index query | sed 's/.*"\(.*\)".*/\1/' | sort -u)
[ "$written" = "$planted" ] || { echo "planted: bugs.txt and the sources differ:"; diff <(echo "$written") <(echo "$planted"); exit 1; }

chosen=$(bugs)
[ -z "$QUICK" ] || chosen=$(grep -vE " ($SLOW)$" <<<"$chosen")
[ $# -eq 0 ] || chosen=$(grep -E "^($(IFS='|'; echo "$*")) " <<<"$chosen") || { echo "planted: no such bug: $*"; exit 1; }
# Every job that is to catch something passes without a bug, and is not empty.
for name in $(awk '{ print $2 }' <<<"$chosen" | sort -u); do
  start=$SECONDS
  job "$name" >"$WORK/none.$name" 2>&1 ||
    { grep -v '^{\|Z info' "$WORK/none.$name" | tail -30; echo "planted: job $name fails without any bug"; exit 1; }
  ! grep -q '^\[  PASSED  \] 0 tests' "$WORK/none.$name" || { echo "planted: job $name runs no test"; exit 1; }
  printf '%-26s %-10s %4d   s  passes\n' "(none)" "$name" $((SECONDS - start))
done

export -f hunt catches job tests
export WORK BINARY JOBS_TEXT="${JOBS[*]}"
xargs -P "$(nproc)" -L 1 bash -c 'hunt "$@"' hunt <<<"$chosen" | tee "$WORK/table"
missed=$(grep -c MISSED "$WORK/table" || true)
printf 'planted: %s bugs caught, %s missed, in %s s\n' $(($(wc -l <"$WORK/table") - missed)) "$missed" "$SECONDS"
[ "$missed" -eq 0 ]
