#!/usr/bin/env bash
# Fuzzes: `run.sh [TARGET|all] [SECONDS] [LIBFUZZER-OPTION…]`; without arguments, all of them in turn, 60 seconds each.
#
# Needs nothing but stable Rust and a C++ compiler: coverage comes from LLVM's own pass, and libFuzzer is built from source.
# New inputs gather in target/fuzz/corpus/TARGET, what fails in target/fuzz/artifacts/TARGET. To run one input again:
# `run.sh TARGET 0 FILE`. `MERGE=1 run.sh [TARGET]` adds to the corpus in this folder what covers more, and no more than that.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../target/fuzz
mkdir -p "$work"
work=$(cd "$work" && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')

seconds=${2:-60}
targets=(rules conditions rewrite codecs splice cookie headers templates)
[ "${1:-all}" = all ] || targets=("$1")
shift $(($# < 2 ? $# : 2))

coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# With a host named, the flags are not for build scripts and macros, which have no libFuzzer to report to.
# The versions that the project is built with.
cp "$here/../../Cargo.lock" "$here/Cargo.lock"
RUSTFLAGS=$(echo $coverage) cargo build --release --manifest-path "$here/Cargo.toml" --target-dir "$work" --target "$host" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
    mkdir -p "$work/corpus/$target" "$work/artifacts/$target" "$here/corpus/$target"
    fuzz=("$work/$host/release/$target" -artifact_prefix="$work/artifacts/$target/" -rss_limit_mb=2048 -timeout=20 -len_control=0 -max_len=4096)
    [ -f "$here/$target.dict" ] && fuzz+=(-dict="$here/$target.dict")
    if [ -n "${MERGE:-}" ]; then
        "${fuzz[@]}" -merge=1 "$@" "$here/corpus/$target" "$work/corpus/$target"
    elif [ "$seconds" = 0 ]; then
        "${fuzz[@]}" "$@"
    else
        "${fuzz[@]}" -max_total_time="$seconds" -print_final_stats=1 "$@" "$work/corpus/$target" "$here/corpus/$target"
    fi
done
