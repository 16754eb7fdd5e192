#!/usr/bin/env bash
# Builds the fuzz targets.
set -euo pipefail
cd "$(dirname "$0")"

# libFuzzer needs the compiler's coverage counters, which the stable compiler gives only when asked in this way.
export RUSTC_BOOTSTRAP=1
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
    -Cdebug-assertions -Ccodegen-units=1"
export RUSTFLAGS="$flags ${RUSTFLAGS:-}"
host="$(rustc -vV | sed -n 's/^host: //p')"
# The versions are those of the product itself.
cp ../../Cargo.lock Cargo.lock
cargo build --release --target "$host"
