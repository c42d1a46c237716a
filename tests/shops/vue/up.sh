#!/bin/bash
# Runs a small shop in Vue on loopback until it is ended: tests/shops/vue/up.sh PORT
#
# The packages are kept under target/shops/vue, by the hash of their lock file.
set -euo pipefail

port=${1:?usage: up.sh PORT}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SHOP_CACHE:-$(cd "$here/../../.." && pwd)/target/shops/vue}
mkdir -p "$cache"
packages=$cache/$(sha256sum "$here/package-lock.json" | cut -c1-12)

# Two tests may start at once: one installs, the other waits. Made aside and renamed, so that a half is never taken for the whole.
(
    flock 9
    if [ ! -d "$packages" ]; then
        rm -rf "$packages.part"
        mkdir "$packages.part"
        cp "$here"/package*.json "$packages.part"
        npm --prefix "$packages.part" ci --ignore-scripts --no-audit --no-fund
        mv "$packages.part" "$packages"
    fi
) 9>"$cache/lock" >&2

exec node "$here/server.mjs" "$port" "$packages"
