#!/bin/bash
# What remembering visitors costs: page views a second, Noren's own time and its memory, with profiles in SQLite and in Redis, beside the
# same pages of a site where nobody is recognised, in one run. And what it costs to have many profiles. Prints a Markdown table.
#
# STORED="1000 100000 5000000"  profiles in the store       ACTIVE=20000   of whom come back, in turn
# STORES="sqlite redis"  ROUNDS=3  SECONDS_EACH=5  CONNECTIONS=32
# NOREN=path                                 as in benches/peers/common.sh
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-5} connections=${CONNECTIONS:-32} active=${ACTIVE:-20000}

# shellcheck source=benches/peers/common.sh
. benches/peers/common.sh

tool=$(cargo bench --locked --no-run --bench profiles --message-format=json 2>/dev/null | sed -n 's/.*"executable":"\([^"]*profiles-[^"]*\)".*/\1/p' | tail -1)
start_origin
megabytes() { awk -v key="$2" '$1 == key":" { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }

# A gateway with one thread on a core of its own, with a site that knows its visitors and one that does not: one banner each.
start_gateway() { # STORE
    noren_port=$(free_port) noren_ops=$(free_port)
    local rules=$dir/gateway/rules site
    for site in known off; do
        mkdir -p "$rules/sites/$site/scenarios"
        printf 'hosts = ["%s.example"]\norigin = "http://127.0.0.1:%s"\nprefix = "gw"\n' $site "$origin" >"$rules/sites/$site/site.toml"
        printf "name = 'bench'\nwhen = true\n[[variant]]\n[variant.html]\nhtml = '''%s'''\nplace = { at = 'body', position = 'prepend' }\n" "$banner" \
            >"$rules/sites/$site/scenarios/banner.toml"
    done
    printf '[privacy]\nmode = "off"\n' >>"$rules/sites/off/site.toml"
    printf 'threads = 1\n[log]\nlevel = "warn"\n' >"$rules/gateway.toml"
    [ "$1" = sqlite ] || printf '[store]\nprofiles = "%s"\n' "$1" >>"$rules/gateway.toml"
    "${on_proxy_core[@]}" "$noren" serve --rules "$rules" --data "$dir/gateway/data" --listen "127.0.0.1:$noren_port" --ops "127.0.0.1:$noren_ops" >"$dir/noren.log" 2>&1 &
    noren_pid=$!
    started+=("$noren_pid")
    await "http://127.0.0.1:$noren_ops/readyz"
}

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
metrics() { curl --silent "http://127.0.0.1:$noren_ops/metrics"; }
loads() { awk -v from="from=\"$1\"" '/^noren_profile_loads_total/ && index($0, from) { print $2 }' "$2"; }

measure() { # STORE STORED SITE
    local before after result requests microseconds p50 p99 failed own
    metrics >"$dir/before"
    before=$(ticks "$noren_pid")
    result=$(COOKIES=$dir/cookies CODING=identity SITE=$3.example "${on_load_core[@]}" wrk -t1 -c"$connections" -d"${seconds}s" -s benches/peers/load.lua "http://127.0.0.1:$noren_port/20k.html" | grep '^done')
    after=$(ticks "$noren_pid")
    metrics >"$dir/after"
    read -r _ requests microseconds p50 p99 failed <<<"$result"
    if [ "$failed" -ne 0 ]; then echo "$1 $2 $3: $failed of $requests requests failed" >&2; exit 1; fi
    own=$("$tool" p99 "$dir/before" "$dir/after")
    local stored=0 cached=0
    stored=$(($(loads store "$dir/after" | grep . || echo 0) - $(loads store "$dir/before" | grep . || echo 0)))
    cached=$(($(loads cache "$dir/after" | grep . || echo 0) - $(loads cache "$dir/before" | grep . || echo 0)))
    awk -v case="$1 $2 $3" -v n="$requests" -v us="$microseconds" -v p50="$p50" -v p99="$p99" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v own="$own" \
        -v stored=$stored -v cached=$cached -v rss="$(megabytes "$noren_pid" VmRSS)" \
        'BEGIN { printf "%s %.0f %d %d %.1f %s %d %d %d\n", case, n / us * 1e6, p50, p99, ticks / hz * 1e6 / n, own, stored, cached, rss }' >>"$dir/results"
}

for kind in ${STORES:-sqlite redis}; do
    for stored in ${STORED:-1000 100000 5000000}; do
        echo "$kind, $stored profiles" >&2
        rm -rf "$dir/gateway"
        mkdir -p "$dir/gateway/data"
        store=sqlite
        if [ "$kind" = redis ]; then
            redis_port=$(free_port)
            mkdir -p "$dir/redis"
            "${on_load_core[@]}" redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$dir/redis" --save '' --appendonly no --daemonize no >"$dir/redis.log" 2>&1 &
            redis_pid=$!
            started+=("$redis_pid")
            store=redis://127.0.0.1:$redis_port
        fi
        began=$(date +%s.%N)
        "$tool" fill "$dir/gateway/data" "$store" "$stored" "$active" "$dir/cookies"
        filled=$(date +%s.%N)
        start_gateway "$store"
        for _ in $(seq "$rounds"); do
            measure "$kind" "$stored" off
            measure "$kind" "$stored" known
        done
        if [ "$kind" = redis ]; then size=$(megabytes "$redis_pid" VmRSS); else size=$(du -sm "$dir/gateway/data" | cut -f1); fi
        echo "$kind $stored size $size $(awk -v a="$began" -v b="$filled" 'BEGIN { print b - a }')" >>"$dir/sizes"
        kill "$noren_pid"
        wait "$noren_pid" 2>/dev/null || true
        if [ "$kind" = redis ]; then kill "$redis_pid"; wait "$redis_pid" 2>/dev/null || true; fi
    done
done

python3 - "$dir/results" "$dir/sizes" <<'PY'
import statistics, sys
rows, sizes = {}, {}
for line in open(sys.argv[1]):
    kind, stored, site, *numbers = line.split()
    rows.setdefault((kind, int(stored)), {}).setdefault(site, []).append([float(n) for n in numbers])
for line in open(sys.argv[2]):
    kind, stored, _, size, seconds = line.split()
    sizes[kind, int(stored)] = (float(size), float(seconds))
print("| profiles in | stored | visitors | page views/s | p50 ms | p99 ms | CPU µs | own time µs, median | own time µs, p99 | loads from the store | Noren MB | store MB | filled in s |")
print("|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
for (kind, stored), sites in rows.items():
    for site, label in (("off", "not known"), ("known", "known")):
        if site not in sites: continue
        rate, p50, p99, cpu, own50, own99, loaded, cached, rss = (statistics.median(c) for c in zip(*sites[site]))
        share = f"{loaded / (loaded + cached):.0%}" if loaded + cached else "–"
        size, seconds = sizes[kind, stored]
        print(f"| {kind} | {stored:,} | {label} | {rate:,.0f} | {p50/1000:.2f} | {p99/1000:.2f} | {cpu:.1f} | {own50:.0f} | {own99:.0f} | {share} | {rss:.0f} | {size:,.0f} | {seconds:.1f} |")
PY
echo
echo "$(describe_machine); medians of $rounds rounds of $seconds s, $connections connections, pages of 20 KB with a banner, $active visitors in turn."
