"""Draws the table from the measurements on standard input: case, proxy, requests/s, p50 µs, p99 µs, CPU µs a request."""

import statistics
import sys

LABELS = {
    "pass": "nginx `proxy_pass`",
    "sub": "nginx `sub_filter`, after `<body>`",
    "sub-late": "nginx `sub_filter`, before `</body>`",
    "sub-gzip": "nginx `sub_filter`, after `<body>`, gzip 1",
    "noren-pass": "Noren, nothing to do",
    "noren-insert": "Noren, banner after `<body>`",
    "noren-late": "Noren, banner before `</body>`",
}

# What in nginx does the same work, by case.
LIKE = {"noren-pass": "pass", "noren-insert": "sub", "noren-late": "sub-late"}


def ratio(value, base):
    return f"{value / base:.2f}" if base else "–"


def main():
    rounds = {}
    for line in sys.stdin:
        case, proxy, *numbers = line.split()
        rounds.setdefault(case, {}).setdefault(proxy, []).append([float(number) for number in numbers])
    print("| page | proxy | requests/s | p50 ms | p99 ms | CPU µs a request | to nginx, plain | to nginx, same work |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for case, proxies in rounds.items():
        medians = {proxy: [statistics.median(column) for column in zip(*rows)] for proxy, rows in proxies.items()}
        cpu = {proxy: row[3] for proxy, row in medians.items()}
        for proxy, (rate, p50, p99, used) in medians.items():
            like = "sub-gzip" if case.endswith("gzip") and proxy == "noren-insert" else LIKE.get(proxy)
            plain = ratio(used, cpu.get("pass"))
            same = ratio(used, cpu.get(like))
            name = case.replace("-", " ")
            print(f"| {name} | {LABELS[proxy]} | {rate:,.0f} | {p50 / 1000:.2f} | {p99 / 1000:.2f} | {used:.1f} | {plain} | {same} |")


main()
