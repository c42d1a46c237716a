#!/usr/bin/env bash
# Installs what the tests need, and runs all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tests/install.sh
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --no-fail-fast "$@"
else
    cargo test --locked --no-fail-fast "$@"
fi
