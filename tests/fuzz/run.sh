#!/usr/bin/env bash
# Runs every fuzz target for a bounded time: tests/fuzz/run.sh [SECONDS]. Findings land in tests/fuzz/artifacts/.
set -euo pipefail
cd "$(dirname "$0")"
seconds="${1:-30}"

./build.sh
host="$(rustc -vV | sed -n 's/^host: //p')"

for target in packet zone; do
    mkdir -p "corpus/$target" "artifacts/$target"
    status=0
    "target/$host/release/$target" "corpus/$target" "seeds/$target" -artifact_prefix="artifacts/$target/" \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 >"artifacts/$target.log" 2>&1 || status=$?
    grep -E 'stat::|ERROR|SUMMARY|panicked|Test unit|DONE' "artifacts/$target.log" || true
    if [ "$status" != 0 ]; then
        echo "fuzzing $target found a fault: tests/fuzz/artifacts/$target.log" >&2
        exit 1
    fi
done
