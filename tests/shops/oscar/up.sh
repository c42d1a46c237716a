#!/bin/bash
# Runs a real, unmodified storefront (django-oscar) on loopback until it is ended: tests/shops/oscar/up.sh PORT
#
# What is slow is kept under target/shops/oscar: the packages (by the hash of requirements.txt) and the seeded shop (by the
# hash of site/). Every run gets its own copy of the seeded shop, so that two runs begin alike and count their orders alike.
#
# SHOP_HOSTS            host names that the shop answers to, comma-separated   (127.0.0.1,localhost)
# SHOP_TRUSTED_ORIGINS  origins whose forms it accepts, with scheme            (none besides its own)
# SHOP_GZIP=1           compresses its pages        SHOP_ETAG=1  answers conditional requests
set -euo pipefail

port=${1:?usage: up.sh PORT}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SHOP_CACHE:-$(cd "$here/../../.." && pwd)/target/shops/oscar}
mkdir -p "$cache"

hash_of() { find "$@" -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12; }
venv=$cache/venv-$(hash_of "$here/requirements.txt")
seeded=$cache/seeded-$(hash_of "$here/requirements.txt" "$here/site")
run=$cache/run-$port

export PYTHONPATH=$here/site PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=shop.settings

# Two tests may start at once: one installs, the other waits. Made aside and renamed, so that a half is never taken for the whole.
(
    flock 9
    if [ ! -d "$venv" ]; then
        rm -rf "$venv.part"
        python3 -m venv "$venv.part"
        "$venv.part/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
        mv "$venv.part" "$venv"
    fi
    if [ ! -d "$seeded" ]; then
        rm -rf "$seeded.part"
        mkdir "$seeded.part"
        export SHOP_STATE=$seeded.part
        manage() { "$venv/bin/python" -m django "$@"; }
        manage migrate --verbosity 0
        manage collectstatic --noinput --verbosity 0
        "$venv/bin/python" "$here/site/seed.py"
        manage update_index catalogue --verbosity 0
        mv "$seeded.part" "$seeded"
    fi
) 9>"$cache/lock" >&2

rm -rf "$run"
mkdir "$run"
cp -r "$seeded"/. "$run"
export SHOP_STATE=$run
# `python -m`: the scripts of a renamed venv still name its old place.
exec "$venv/bin/python" -m gunicorn --bind "127.0.0.1:$port" --workers 1 --threads 4 --keep-alive 30 \
    --log-level warning --chdir "$run" shop.wsgi
