#!/bin/bash
# Installs what building and testing need on a fresh Debian machine that has Rust; with `build`, only what building needs.
# Quick when all is there.
set -euo pipefail

packages=(
    build-essential cmake          # the compression library of the proxy
)
[ "${1:-}" = build ] || packages+=(
    chromium chromium-driver       # browser tests
    fonts-liberation fonts-noto-cjk  # so that screenshots show what visitors see
    redis-server                   # several gateways share one
    postgresql postgresql-client   # the ledger of several machines; tests start servers of their own
    libfaketime                    # "an hour later", without an hour's wait
    python3 python3-venv python3-pip  # the real shop, and other people's pages
)
# The shops in React and Vue; whatever Node.js is there will do.
[ "${1:-}" = build ] || command -v npm >/dev/null || packages+=(nodejs npm)

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "install.sh: run it as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update --quiet=2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --no-install-recommends --yes "${missing[@]}"
fi

if [ "${1:-}" != build ] && ! cargo nextest --version >/dev/null 2>&1; then
    cargo install --locked cargo-nextest
fi

if [ "${1:-}" != build ]; then
    bash tests/data.sh
    bash tests/corpora.sh
    # Built here, since that takes minutes, which no test has.
    bash tests/shops/evershop/up.sh prepare
fi
