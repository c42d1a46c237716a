#!/bin/bash
# What a connection costs in memory, for Noren beside nginx in one run: idle ones of all kinds, and slow readers of a page that is
# being rewritten. Resident memory of the processes, so without the kernel's socket buffers. Prints a Markdown table.
#
# IDLE=10000  SLOW=1000                      how many connections
# NOREN=path                                 as in benches/peers/common.sh
set -euo pipefail
cd "$(dirname "$0")/.."

idle=${IDLE:-10000} slow=${SLOW:-1000}
ulimit -n "$(ulimit -Hn)"

# shellcheck source=benches/peers/common.sh
. benches/peers/common.sh

start_origin
# Tokens that do not compress much, so that a slow reader has much before it in any coding.
python3 - "$dir/pages/dense.html" <<'PY'
import base64, gzip, random, sys
numbers = random.Random(20261122)
rows = "\n".join(f"<p>{base64.b64encode(numbers.randbytes(300)).decode()}</p>" for _ in range(2400))
page = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Tokens</title></head>\n<body class="list page-1">\n{rows}\n</body></html>\n'.encode()
open(sys.argv[1], "wb").write(page)
open(sys.argv[1] + ".gz", "wb").write(gzip.compress(page, 6, mtime=0))
PY
mkdir "$dir/certs"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=insert.example \
    -addext subjectAltName=DNS:insert.example -keyout "$dir/certs/insert.example.key" -out "$dir/certs/insert.example.pem" 2>/dev/null

plain=$(free_port) http2=$(free_port) tls=$(free_port) zipped=$(free_port) noren_tls=$(free_port)
patient="keepalive_timeout 900s; client_header_timeout 900s; send_timeout 900s;"
# A process of its own for each case, so that none inherits another's memory.
start_proxies() {
    on_core=("${on_proxy_core[@]}")
    start_nginx peers 16384 "
        $(shop) $patient
        server { listen 127.0.0.1:$plain backlog=1024; location / { $to_origin $insert } }
        server { listen 127.0.0.1:$http2 http2 backlog=1024; location / { $to_origin $insert } }
        server { listen 127.0.0.1:$tls ssl backlog=1024; ssl_certificate $dir/certs/insert.example.pem; ssl_certificate_key $dir/certs/insert.example.key;
                 location / { $to_origin $insert } }
        server { listen 127.0.0.1:$zipped backlog=1024; location / { $to_origin $insert gzip on; gzip_comp_level 1; gzip_proxied any; } }"
    nginx_pid=$!
    await "http://127.0.0.1:$plain/20k.html"
    rm -rf "$dir/gateway"
    start_noren --certs "$dir/certs" --tls-listen "127.0.0.1:$noren_tls"
    # What is made at the first request is no connection's.
    for _ in $(seq 50); do
        curl --silent --output /dev/null -H "Host: insert.example" -H "Accept: text/html" -H "Sec-Fetch-Dest: document" "http://127.0.0.1:$noren_port/20k.html"
    done
}
stop_proxies() {
    kill "$nginx_pid" "$noren_pid"
    wait "$nginx_pid" "$noren_pid" 2>/dev/null || true
}

row() { "${on_load_core[@]}" python3 benches/peers/connections.py "$@"; }

compare() { # KIND NGINX-PORT NOREN-PORT PATH COUNT WHAT
    start_proxies
    row "$1" "$2" insert.example "$4" "$5" "$nginx_pid" "$6 – nginx"
    # Its port is chosen at each start.
    row "$1" "${3:-$noren_port}" insert.example "$4" "$5" "$noren_pid" "$6 – Noren"
    stop_proxies
}

echo "| connections | how many | MiB before | MiB with them | KiB a connection |"
echo "|---|--:|--:|--:|--:|"
for kind in ${KINDS:-silent kept h2 tls slow slow-gzip}; do
    case $kind in
    silent) compare silent "$plain" "" / "$idle" "nothing sent yet" ;;
    kept) compare kept "$plain" "" /20k.html "$idle" "kept alive after a request" ;;
    h2) compare h2 "$http2" "" /20k.html "$idle" "the same, HTTP/2" ;;
    tls) compare tls "$tls" "$noren_tls" /20k.html "$idle" "the same, HTTP/1.1 over TLS" ;;
    slow) compare slow "$plain" "" /dense.html "$slow" "a rewritten page, read slowly" ;;
    slow-gzip) compare slow-gzip "$zipped" "" /dense.html "$slow" "the same, gzip in and out" ;;
    esac
done
echo
echo "$(describe_machine); resident memory after the last of them was open, for slow readers the most that was seen."
