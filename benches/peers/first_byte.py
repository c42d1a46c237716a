"""Measures the time to the first byte of a page, one request at a time: first_byte.py REQUESTS PAUSE_MS LABEL=HOST@PORT… PATH.

The first target is what the others are compared with. All are asked in turn, in an order that is mixed anew each time, as a
visitor whom the proxy knows. Prints a Markdown table.
"""

import random
import socket
import statistics
import sys
import time


class Target:
    def __init__(self, text, path):
        self.label, _, rest = text.partition("=")
        self.host, _, port = rest.partition("@")
        self.socket = socket.create_connection(("127.0.0.1", int(port)))
        self.socket.settimeout(30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.path, self.cookie, self.times = path, "", []
        _, answer = self.ask()
        cookies = [line.split(b": ", 1)[1].split(b";")[0] for line in answer.split(b"\r\n") if line.lower().startswith(b"set-cookie:")]
        self.cookie = "".join(f"Cookie: {cookie.decode()}\r\n" for cookie in cookies)

    def ask(self):
        """Seconds to the first byte, and the whole answer."""
        request = (
            f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Language: en\r\n"
            f"Accept-Encoding: identity\r\n{self.cookie}Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n\r\n"
        ).encode()
        began = time.perf_counter()
        self.socket.sendall(request)
        answer = self.socket.recv(65536)
        first = time.perf_counter() - began
        while not self.is_whole(answer):
            piece = self.socket.recv(1 << 20)
            if not piece:
                sys.exit(f"{self.label}: the connection ended")
            answer += piece
        return first, answer

    @staticmethod
    def is_whole(answer):
        head, end, body = answer.partition(b"\r\n\r\n")
        if not end:
            return False
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length: "):
                return len(body) >= int(line.split()[1])
        return body.endswith(b"0\r\n\r\n")


def main():
    count, pause, *targets, path = sys.argv[1:]
    targets = [Target(text, path) for text in targets]
    for turn in range(int(count)):
        for target in random.sample(targets, len(targets)):
            time.sleep(float(pause) / 1000)
            first, _ = target.ask()
            # The first tenth warms up.
            if turn >= int(count) // 10:
                target.times.append(first * 1e6)
    print("| first byte of a page, µs | median | p90 | p99 | added at the median | added at p99 |")
    print("|---|--:|--:|--:|--:|--:|")
    base = None
    for target in targets:
        cuts = statistics.quantiles(target.times, n=100)
        base = base or cuts
        print(
            f"| {target.label} | {cuts[49]:.0f} | {cuts[89]:.0f} | {cuts[98]:.0f} |"
            f" {cuts[49] - base[49]:.0f} | {cuts[98] - base[98]:.0f} |"
        )


main()
