#!/bin/bash
# Runs a real, unmodified storefront (EverShop: React, rendered by the server and taken over in the browser) on loopback until its
# standard input ends or it is told to stop: tests/shops/evershop/up.sh PORT
# With `prepare` in place of the port, only what is slow is made: tests/install.sh does so.
#
# What is slow is kept under target/shops/evershop: the packages and the shop built from them (by the hash of what names them), and
# the seeded database as SQL. Every run gets a database of its own from that, so that two runs begin alike and count their orders alike.
#
# SHOP_HOME_URL  what its absolute addresses begin with   (http://127.0.0.1:PORT)
set -euo pipefail

port=${1:?usage: up.sh PORT, or up.sh prepare}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SHOP_CACHE:-$(cd "$here/../../.." && pwd)/target/shops/evershop}
mkdir -p "$cache"

hash_of() { cat "$@" | sha256sum | cut -c1-12; }
app=$cache/app-$(hash_of "$here/package.json" "$here/package-lock.json")
seed=$cache/seed-$(hash_of "$here/package.json" "$here/package-lock.json" "$here/seed.sql").sql
node=$cache/node

run= database= shop=
finish() {
    trap '' EXIT HUP INT TERM
    # Node's children with it; what the database holds is thrown away.
    [ -z "$shop" ] || kill -KILL -- "-$shop" 2>/dev/null || true
    [ -z "$database" ] || kill -QUIT "$database" 2>/dev/null || true
    # What is killed is not worth a line each.
    wait 2>/dev/null || true
    [ -z "$run" ] || rm -rf "$run"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# EverShop wants Node.js 20; Debian 12 has 18.
find_node() {
    local version=22.23.5 major
    major=$(node --print 'process.versions.node.split(".")[0]')
    if [ "$major" -lt 20 ]; then
        if [ ! -d "$node-$version" ]; then
            rm -rf "$node.part"
            mkdir "$node.part"
            (cd "$node.part" && npm pack --silent "node-linux-$(node --print process.arch)@$version" >/dev/null && tar -xzf ./*.tgz)
            mv "$node.part/package" "$node-$version"
            rm -rf "$node.part"
        fi
        export PATH=$node-$version/bin:$PATH
    fi
}

# A server in a folder of its own, in the temporary folder: PostgreSQL refuses to run as root, and others may not enter root's folders.
start_database() {
    # It ends with this script, however that ends.
    local as=(setpriv --pdeathsig KILL)
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort | tail -1)
    [ -x "$bin/initdb" ] || { echo 'up.sh: PostgreSQL is missing; tests/install.sh installs it' >&2; return 1; }
    run=$(mktemp --directory)
    chmod 755 "$run"
    mkdir "$run/database"
    if [ "$(id -u)" = 0 ]; then
        chown nobody "$run/database"
        as+=(--reuid=nobody "--regid=$(id -g nobody)" --clear-groups)
    fi
    (cd / && "${as[@]}" "$bin/initdb" --pgdata "$run/database/data" --auth trust --username shop --no-sync --no-locale --encoding UTF8) >"$run/log"
    (cd / && exec "${as[@]}" "$bin/postgres" -D "$run/database/data" -k "$run/database" -c listen_addresses= -c fsync=off) >>"$run/log" 2>&1 &
    database=$!
    export DB_HOST=$run/database DB_PORT=5432 DB_NAME=shop DB_USER=shop DB_PASSWORD=none DB_SSLMODE=disable
    until "$bin/psql" --host "$DB_HOST" --username shop --dbname postgres --command 'SELECT 1' >/dev/null 2>&1; do
        kill -0 "$database" || { cat "$run/log" >&2; return 1; }
        sleep 0.1
    done
    sql() { "$bin/psql" --no-psqlrc --quiet --host "$DB_HOST" --username shop --set ON_ERROR_STOP=1 "$@"; }
    dump() { "$bin/pg_dump" --host "$DB_HOST" --username shop --no-owner "$@"; }
    sql --dbname postgres --command 'CREATE DATABASE shop'
}

# The shop's own folder: it writes into some of what it finds there.
enter_shop() {
    mkdir -p "$run/shop/config" "$run/shop/media" "$run/shop/public" "$run/shop/.evershop"
    cp "$here/package.json" "$run/shop"
    ln -s "$app/node_modules" "$run/shop/node_modules"
    ln -s "$app/.evershop/build" "$run/shop/.evershop/build"
    cd "$run/shop"
    export NODE_ENV=production NODE_OPTIONS="--require $here/tied.cjs"
    export NODE_CONFIG='{"shop":{"language":"en","currency":"USD","timezone":"UTC","homeUrl":"'${SHOP_HOME_URL:-http://127.0.0.1:$1}'"}}'
}

evershop() { node "$app/node_modules/@evershop/evershop/dist/bin/evershop.js" "$@"; }

start_shop() {
    PORT=$1 setsid node "$app/node_modules/@evershop/evershop/dist/bin/evershop.js" start </dev/null &
    shop=$!
}

find_node
# Two tests may start at once: one installs, the other waits.
exec 9>"$cache/lock"
flock 9
if [ ! -f "$app/made" ]; then
    # Made in its place, since it writes that place into what it builds: a half lacks the mark.
    rm -rf "$app"
    mkdir -p "$app/config" "$app/media" "$app/public"
    cp "$here/package.json" "$here/package-lock.json" "$app"
    npm --prefix "$app" ci --ignore-scripts --no-audit --no-fund --loglevel error >&2
    # It finds its own files by the folder that it is in. It complains that there is no database, and does not need one.
    (cd "$app" && NODE_ENV=production node node_modules/@evershop/evershop/dist/bin/evershop.js build) >"$cache/build.log" 2>&1 ||
        { cat "$cache/build.log" >&2; exit 1; }
    touch "$app/made"
fi
if [ ! -f "$seed" ]; then
    start_database
    seeding_port=$(node --eval 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
    enter_shop "$seeding_port"
    # Its tables are made when it starts.
    start_shop "$seeding_port" >"$cache/seed.log" 2>&1
    until (exec 3<>"/dev/tcp/127.0.0.1/$seeding_port") 2>/dev/null; do
        kill -0 "$shop" || { cat "$cache/seed.log" >&2; exit 1; }
        sleep 0.2
    done
    evershop seed --all >>"$cache/seed.log" 2>&1
    # It goes on working at what was put in, the addresses of its pages among it.
    for ((tries = 600; tries > 0; tries--)); do
        [ "$(sql --dbname shop --tuples-only --no-align --command 'SELECT count(*) FROM event')" != 0 ] || break
        sleep 0.2
    done
    [ "$tries" != 0 ] || { echo 'up.sh: the shop did not finish with its demonstration data:' >&2; cat "$cache/seed.log" >&2; exit 1; }
    sql --dbname shop --file "$here/seed.sql"
    dump shop >"$seed.part"
    mv "$seed.part" "$seed"
    cd /
    kill -KILL -- "-$shop"
    kill -QUIT "$database"
    wait 2>/dev/null || true
    rm -rf "$run"
    run= database= shop=
fi
exec 9>&-
[ "$port" != prepare ] || exit 0

start_database
sql --dbname shop --file "$seed" >/dev/null
enter_shop "$port"
start_shop "$port"
exec 3<&0
cat <&3 >/dev/null &
wait -n "$shop" "$database" $!
