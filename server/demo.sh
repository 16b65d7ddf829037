#!/usr/bin/env bash
# ./dev demo: the main job on real input. Loads Fashion-MNIST over gRPC into a fresh directory, searches it, measures it.
set -euo pipefail
build=$(cd "$1" && pwd)
kith=$build/server/kith
work=$(mktemp -d "${TMPDIR:-/tmp}/kith-demo.XXXXXX")
server=
cleanup() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; [ -z "$server" ] || wait "$server" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '\033[2m$ kith %s\033[0m\n' "$*"; "$kith" "$@"; }

say "1. The dataset (KITH_DATASETS, else the public address, else a synthetic set that says so)"
run datasets fetch fashion-mnist --synthetic
part() { "$kith" datasets path fashion-mnist "$1"; }
base=$(part base) queries=$(part queries) truth=$(part groundtruth)
attributes=$(part attributes 2>/dev/null || true)

say "2. A server on loopback, durable writes"
"$kith" serve --dir "$work/data" --port 0 >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do grep -q 'kith: serving' "$work/serve.log" && break; sleep 0.1; done
address=$(grep -o '127\.0\.0\.1:[0-9]*' "$work/serve.log" | head -1)
[ -n "$address" ] || { cat "$work/serve.log" >&2; exit 1; }
printf 'serving %s\n' "$address"

say "3. Load 60,000 × 784 over gRPC; each batch is on disk before it is acknowledged"
run load fashion "$base" --server "$address" --create --metric l2 ${attributes:+--attributes "$attributes"}

say "4. Three nearest neighbours of the first test image"
run search fashion --server "$address" --vector-file "$queries" --row 0 -k 3 --with-payload

say "5. Recall against exact answers, and speed, through gRPC, one client"
run bench fashion --server "$address" --queries "$queries" --groundtruth "$truth" -k 10 --effort 16,32,64,128

say "Next"
cat <<NEXT
  $kith serve --dir ~/kith-data
  $kith load mine my-vectors.fvecs --create --metric cosine
  $kith bench mine --queries my-queries.fvecs
  ./dev bench recall --quick
  $kith --help, docs/cli.md, docs/api.md
NEXT
