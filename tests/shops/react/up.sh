#!/bin/bash
# Runs a small shop in React on loopback until it is ended: tests/shops/react/up.sh VERSION PORT, where VERSION is 18 or 19
#
# The packages are kept under target/shops/react, by the hash of their lock file.
set -euo pipefail

version=${1:?usage: up.sh VERSION PORT} port=${2:?usage: up.sh VERSION PORT}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SHOP_CACHE:-$(cd "$here/../../.." && pwd)/target/shops/react}
mkdir -p "$cache"
packages=$cache/$version-$(sha256sum "$here/$version/package-lock.json" | cut -c1-12)

# Two tests may start at once: one installs, the other waits. Made aside and renamed, so that a half is never taken for the whole.
(
    flock 9
    if [ ! -d "$packages" ]; then
        rm -rf "$packages.part"
        cp -r "$here/$version" "$packages.part"
        npm --prefix "$packages.part" ci --ignore-scripts --no-audit --no-fund
        mv "$packages.part" "$packages"
    fi
) 9>"$cache/lock" >&2

export NODE_ENV=production
exec node "$here/server.mjs" "$port" "$packages"
