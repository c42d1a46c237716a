#!/bin/bash
# Noren beside nginx, in one run: requests a second, latency, and CPU time a request. Prints a Markdown table.
#
# An nginx serves pages of 20 KB, 100 KB and 1 MB; each proxy stands in front of it in turn, with one worker, on one core; wrk and
# the origin have the other. Rounds are interleaved and medians taken, since a shared machine drifts: only ratios within a run count.
#
# ROUNDS=5  SECONDS_EACH=3  CONNECTIONS=32   how long it takes: ROUNDS × 22 × (SECONDS_EACH + a little)
# NOREN=path                                 as in benches/peers/common.sh
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-3} connections=${CONNECTIONS:-32}

# shellcheck source=benches/peers/common.sh
. benches/peers/common.sh

# --- Servers ---

start_origin
pass=$(free_port) sub=$(free_port) sub_late=$(free_port) sub_gzip=$(free_port)
on_core=("${on_proxy_core[@]}")
start_nginx peers 1024 "
    $(shop)
    server { listen 127.0.0.1:$pass; location / { $to_origin } }
    server { listen 127.0.0.1:$sub; location / { $to_origin $insert } }
    server { listen 127.0.0.1:$sub_late; location / { $to_origin $insert_late } }
    server { listen 127.0.0.1:$sub_gzip; location / { $to_origin $insert gzip on; gzip_comp_level 1; gzip_proxied any; } }"
nginx_pid=$!
await "http://127.0.0.1:$pass/20k.html"

proxies=(pass sub sub-late)
gzip_proxies=(pass sub-gzip)
if [ "$noren" != none ]; then
    start_noren
    proxies+=(noren-pass noren-insert noren-late)
    gzip_proxies+=(noren-pass noren-insert)
fi

# --- Measuring ---

# Sets port, site and pid for a proxy.
address() {
    site=insert.example
    case $1 in
    pass) port=$pass pid=$nginx_pid ;;
    sub) port=$sub pid=$nginx_pid ;;
    sub-late) port=$sub_late pid=$nginx_pid ;;
    sub-gzip) port=$sub_gzip pid=$nginx_pid ;;
    noren-pass) port=$noren_port pid=$noren_pid site=pass.example ;;
    noren-insert) port=$noren_port pid=$noren_pid ;;
    noren-late) port=$noren_port pid=$noren_pid site=late.example ;;
    esac
}

look() { # PROXY PAGE CODING → body on standard output
    address "$1"
    curl --silent --show-error --fail -H "Host: $site" -H "Accept: text/html" -H "Sec-Fetch-Dest: document" -H "Sec-Fetch-Mode: navigate" \
        -H "User-Agent: Mozilla/5.0 Chrome/156.0.0.0" -H "Accept-Encoding: $3" --dump-header "$dir/head" "http://127.0.0.1:$port/$2.html"
}

# A proxy that does not do its work is not measured.
check() { # PROXY PAGE CODING
    local wanted=0
    case $1 in sub* | noren-insert | noren-late) wanted=1 ;; esac
    look "$1" "$2" "$3" >"$dir/body"
    [ "$3" = identity ] || { mv "$dir/body" "$dir/body.gz"; gunzip "$dir/body.gz"; }
    local found
    found=$(grep -c 'class="banner"' "$dir/body" || true)
    if [ "$found" -ne $wanted ]; then echo "$1 $2 $3: $found banners, not $wanted" >&2; exit 1; fi
    if [ $wanted -eq 0 ] && ! cmp -s "$dir/body" "$dir/pages/$2.html"; then echo "$1 $2 $3: not the page" >&2; exit 1; fi
}

# Known visitors: as many as there are, each with the cookie that the proxy gave them.
cookies() { # PROXY
    local file=$dir/cookies-$1
    for n in $(seq 64); do
        look "$1" 20k identity >/dev/null
        local ours
        ours=$(sed -n 's/^[Ss]et-[Cc]ookie: \([^;]*\).*/\1/p' "$dir/head" | tr -d '\r' | paste -sd';' | sed 's/;/; /g')
        echo "${ours:+$ours; }session=5f2c9e0d$n; theme=light"
    done >"$file"
}

ticks() { # PID → clock ticks of the process and its children
    local total=0 stat child
    for child in "$1" $(cat "/proc/$1/task/$1/children"); do
        stat=$(cat "/proc/$child/stat")
        # shellcheck disable=SC2086
        set -- ${stat##*) }
        total=$((total + ${12} + ${13}))
    done
    echo $total
}

measure() { # CASE PROXY PAGE CODING
    address "$2"
    local before after result
    before=$(ticks "$pid")
    result=$(COOKIES=$dir/cookies-$2 CODING=$4 SITE=$site "${on_load_core[@]}" wrk -t1 -c"$connections" -d"${seconds}s" -s benches/peers/load.lua "http://127.0.0.1:$port/$3.html" | grep '^done')
    after=$(ticks "$pid")
    local requests microseconds p50 p99 failed
    read -r _ requests microseconds p50 p99 failed <<<"$result"
    if [ "$failed" -ne 0 ]; then echo "$1 $2: $failed of $requests requests failed" >&2; exit 1; fi
    awk -v case="$1" -v proxy="$2" -v n="$requests" -v us="$microseconds" -v p50="$p50" -v p99="$p99" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" \
        'BEGIN { printf "%s %s %.1f %d %d %.2f\n", case, proxy, n / us * 1e6, p50, p99, ticks / hz * 1e6 / n }' >>"$dir/results"
}

for proxy in "${proxies[@]}"; do for page in 20k 100k 1m; do check "$proxy" $page identity; done; done
for proxy in "${gzip_proxies[@]}"; do check "$proxy" 100k gzip; done
for proxy in sub-gzip "${proxies[@]}"; do cookies "$proxy"; done

for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    for page in 20k 100k 1m; do
        for proxy in "${proxies[@]}"; do measure $page "$proxy" $page identity; done
    done
    for proxy in "${gzip_proxies[@]}"; do measure 100k-gzip "$proxy" 100k gzip; done
done

python3 benches/peers/table.py <"$dir/results"
echo
echo "$(describe_machine); medians of $rounds rounds of $seconds s, $connections connections."
