# Sourced by the scripts that drive Noren beside nginx: programs, ports, servers. The working directory is the repository's.
# shellcheck shell=bash
#
# NOREN=path   the binary; by default it is built (cargo build --release). NOREN=none leaves it out, where that makes sense.

noren=${NOREN:-}
export PATH=$PATH:/usr/sbin

install_peers() {
    local missing=()
    command -v nginx >/dev/null || missing+=(nginx-light)
    command -v wrk >/dev/null || missing+=(wrk)
    command -v curl >/dev/null || missing+=(curl)
    command -v python3 >/dev/null || missing+=(python3)
    command -v openssl >/dev/null || missing+=(openssl)
    [ ${#missing[@]} -eq 0 ] && return
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update --quiet=2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --no-install-recommends --yes "${missing[@]}" >&2
    # The package starts a server of its own where there is an init.
    if [ -d /run/systemd/system ]; then "${as_root[@]}" systemctl disable --quiet --now nginx || true; fi
}

install_peers
if [ -z "$noren" ]; then
    cargo build --release --locked --quiet
    noren=${CARGO_TARGET_DIR:-target}/release/noren
fi

dir=$(mktemp -d)
started=()
finish() {
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM
mkdir "$dir/pages" "$dir/tmp" "$dir/gateway"
chmod 755 "$dir" "$dir/pages"

if [ "$(nproc)" -ge 2 ] && taskset -c 0,1 true 2>/dev/null; then
    on_proxy_core=(taskset -c 0) on_load_core=(taskset -c 1)
else
    on_proxy_core=() on_load_core=()
fi

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

await() { # URL
    for _ in $(seq 200); do
        if curl --silent --fail --output /dev/null "$1"; then return; fi
        sleep 0.05
    done
    echo "nothing answers at $1" >&2
    [ ! -f "$dir/noren.log" ] || tail -20 "$dir/noren.log" >&2
    exit 1
}

start_nginx() { # ROLE CONNECTIONS SERVERS, with the words to start it by in "${on_core[@]}"; sets $!
    ROLE=$1 CONNECTIONS=$2 SERVERS=$3 DIR=$dir python3 - benches/peers/nginx.conf.in >"$dir/$1.conf" <<'PY'
import os, sys
text = open(sys.argv[1]).read()
for name in ("SERVERS", "ROLE", "CONNECTIONS", "DIR"):
    text = text.replace(f"@{name}@", os.environ[name])
print(text)
PY
    "${on_core[@]}" nginx -c "$dir/$1.conf" -p "$dir" &
    started+=($!)
}

# The shop: an nginx with pages of 20 KB, 100 KB and 1 MB at $origin.
start_origin() {
    origin=$(free_port)
    python3 benches/peers/pages.py "$dir/pages"
    on_core=("${on_load_core[@]}")
    start_nginx origin 4096 "server { listen 127.0.0.1:$origin backlog=4096; root $dir/pages; gzip_static on; }"
    await "http://127.0.0.1:$origin/20k.html"
}

banner='<div class="banner">Free delivery from £30, this week alone.</div>'
to_origin="proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host \$host;"
insert="sub_filter '<body class=\"list page-1\">' '<body class=\"list page-1\">$banner'; proxy_set_header Accept-Encoding '';"
insert_late="sub_filter '</body>' '$banner</body>'; proxy_set_header Accept-Encoding '';"
# What servers that use $to_origin need, once $origin is known.
shop() { echo "upstream shop { server 127.0.0.1:$origin; keepalive 64; keepalive_requests 1000000000; }"; }

# Noren at $noren_port and $noren_ops, with a site that has nothing to do, and two with a banner early and late in the page.
start_noren() { # OPTIONS…; sets $noren_pid
    noren_port=$(free_port) noren_ops=$(free_port)
    local rules=$dir/gateway/rules site
    for site in pass insert late; do
        mkdir -p "$rules/sites/$site/scenarios"
        printf 'hosts = ["%s.example"]\norigin = "http://127.0.0.1:%s"\nprefix = "gw"\n' $site "$origin" >"$rules/sites/$site/site.toml"
    done
    # No access log, as in nginx.
    printf 'threads = 1\n[log]\nlevel = "warn"\n' >"$rules/gateway.toml"
    scenario() { # SITE CONDITION POSITION
        printf "name = 'bench'\nwhen = '''%s'''\n[[variant]]\n[variant.html]\nhtml = '''%s'''\nplace = { at = 'body', position = '%s' }\n" "$2" "$banner" "$3" \
            >"$rules/sites/$1/scenarios/banner.toml"
    }
    scenario pass "page.path == '/elsewhere'" prepend
    scenario insert true prepend
    scenario late true append
    "${on_proxy_core[@]}" "$noren" serve --rules "$rules" --data "$dir/gateway/data" --listen "127.0.0.1:$noren_port" --ops "127.0.0.1:$noren_ops" "$@" >"$dir/noren.log" 2>&1 &
    noren_pid=$!
    started+=("$noren_pid")
    await "http://127.0.0.1:$noren_ops/readyz"
}

describe_machine() { echo "$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(nproc) cores; $(nginx -v 2>&1 | sed 's/.*: //')"; }
