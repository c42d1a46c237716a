#!/bin/bash
# What a proxy adds to the time to a page's first byte, in one run: straight to the shop, through nginx, and through Noren. One
# request at a time, at a low rate. Prints a Markdown table.
#
# REQUESTS=4000  PAUSE_MS=2  PAGE=100k       requests to each, and how long it waits before each
# NOREN=path                                 as in benches/peers/common.sh
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=benches/peers/common.sh
. benches/peers/common.sh

start_origin
pass=$(free_port) sub=$(free_port)
on_core=("${on_proxy_core[@]}")
start_nginx peers 1024 "
    $(shop)
    server { listen 127.0.0.1:$pass; location / { $to_origin } }
    server { listen 127.0.0.1:$sub; location / { $to_origin $insert } }"
await "http://127.0.0.1:$pass/20k.html"
start_noren

"${on_load_core[@]}" python3 benches/peers/first_byte.py "${REQUESTS:-4000}" "${PAUSE_MS:-2}" \
    "straight to the shop=insert.example@$origin" \
    "nginx \`proxy_pass\`=insert.example@$pass" \
    "nginx \`sub_filter\`, after \`<body>\`=insert.example@$sub" \
    "Noren, nothing to do=pass.example@$noren_port" \
    "Noren, banner after \`<body>\`=insert.example@$noren_port" \
    "/${PAGE:-100k}.html"
echo
echo "$(describe_machine); ${REQUESTS:-4000} requests to each, in turn."
