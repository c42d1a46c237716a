#!/usr/bin/env bash
# HTTP/1.1 and HTTP/2 by the letter: prints what Noren does with every case, and nginx beside it if that is installed.
# Runs h2spec and slowhttptest as well, if they are in the path, against Noren and a shop of its own.
#
#   tests/conformance/run.sh            all of it
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo test --locked --test it -- --exact conformance::table_beside_nginx --ignored --nocapture 2>&1 |
    grep -E '^\||^HTTP/|test result'

command -v h2spec >/dev/null || command -v slowhttptest >/dev/null || exit 0

home=$(mktemp -d)
started=()
finish() { kill "${started[@]}" 2>/dev/null || true; rm -rf "$home"; }
trap finish EXIT
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
shop=$(port) plain=$(port) ops=$(port)

cat >"$home/shop.py" <<'PY'
import http.server, sys
class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else b""
        if self.headers.get("Transfer-Encoding"):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        body = body or b"<!doctype html><p>page</p>" * 8
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    do_GET = do_HEAD = do_POST = do_OPTIONS = answer
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
PY
python3 "$home/shop.py" "$shop" 2>/dev/null & started+=($!)
mkdir -p "$home/rules/sites/shop"
printf 'hosts = ["127.0.0.1", "localhost"]\norigin = "http://127.0.0.1:%s"\nprefix = "gw"\n' "$shop" >"$home/rules/sites/shop/site.toml"
cargo build --locked --quiet
target/debug/noren serve --rules "$home/rules" --data "$home/data" --listen "127.0.0.1:$plain" --ops "127.0.0.1:$ops" 2>"$home/log" &
started+=($!)
for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$plain") 2>/dev/null && break
    sleep 0.1
done

if command -v h2spec >/dev/null; then
    # Over cleartext one case cannot hold: what is no preface is taken for HTTP/1, and answered so.
    { h2spec -h 127.0.0.1 -p "$plain" -o 2 || true; } | tail -n 2
fi
if command -v slowhttptest >/dev/null; then
    # Slow heads, slow bodies, slow reading: the service must stay available to others all the time.
    for kind in -H -B -X; do
        slowhttptest "$kind" -c 300 -r 150 -i 5 -l 30 -p 2 -u "http://127.0.0.1:$plain/" 2>&1 |
            sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -E 'test type|service available|Exit status|closed:' | tail -n 4 || true
    done
fi
