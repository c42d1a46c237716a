#!/bin/bash
# Breaks the code once for each of the gravest hazards, and sees that a test turns red: tests/mutations.sh [NAME…]
#
# Each file of tests/mutations/ is a patch whose first lines say `row: N` and `test: NAME`. It is applied to a copy of the
# last commit; the copy is built into a folder of its own. A mutation that no test notices ends the script with 1.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
copy=$root/target/mutations
git worktree remove --force "$copy" 2>/dev/null || true
git worktree add --quiet --detach "$copy" HEAD
trap 'git -C "$root" worktree remove --force "$copy"' EXIT
export CARGO_TARGET_DIR=$root/target CARGO_TERM_COLOR=never
mkdir -p "$copy/target"
for kept in data shops; do [ ! -d "target/$kept" ] || ln -s "$root/target/$kept" "$copy/target/$kept"; done

missed=0
printf '| row | what is broken | test | outcome |\n|---|---|---|---|\n'
for patch in tests/mutations/*.patch; do
    name=$(basename "$patch" .patch)
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    row=$(sed -n 's/^row: //p' "$patch")
    test=$(sed -n 's/^test: //p' "$patch")
    git -C "$copy" checkout --quiet .
    git -C "$copy" apply "$root/$patch"
    log=target/mutations-$name.log
    if ! (cd "$copy" && cargo nextest run --locked --no-run) >"$log" 2>&1; then
        outcome="does not compile: see $log"
        missed=1
    elif (cd "$copy" && cargo nextest run --locked -E "test($test)") >>"$log" 2>&1; then
        outcome="NOT NOTICED"
        missed=1
    else
        # Red because of the test itself, and not because there is no such test.
        grep -q "FAIL.*$test" "$log" && outcome=red || { outcome="no such test"; missed=1; }
    fi
    printf '| %s | %s | `%s` | %s |\n' "$row" "${name//-/ }" "$test" "$outcome"
done
exit $missed
