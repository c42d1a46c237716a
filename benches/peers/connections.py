"""Opens many connections to a proxy, and tells what they cost it: connections.py KIND PORT HOST PATH COUNT PID LABEL.

KIND: silent (connected, nothing sent), kept (one request done, kept alive), tls (the same over TLS), h2 (the same over cleartext
HTTP/2), slow or slow-gzip (a response under way that is read at a trickle). Prints a row of a Markdown table.
"""

import os
import socket
import ssl
import struct
import sys
import time

BROWSER = (
    "Accept: text/html,*/*;q=0.8\r\nAccept-Language: en\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n"
)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
DATA, HEADERS, SETTINGS = 0, 1, 4


def resident(pid):
    """KiB of a process and its children that are in memory."""
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    return sum(
        int(line.split()[1]) for each in [pid, *children] for line in open(f"/proc/{each}/status") if line.startswith("VmRSS")
    )


def connect(port, window=None):
    connection = socket.socket()
    if window:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    return connection


def ask(connection, host, path, coding, cookie=""):
    fields = f"Host: {host}\r\n{BROWSER}{cookie}Accept-Encoding: {coding}\r\n"
    connection.sendall(f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode())


def take_answer(connection):
    """Reads one response to its end. Returns the cookie that came with it, to be sent with the next request."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536) or sys.exit("connection ended within a head")
    head, _, body = got.partition(b"\r\n\r\n")
    fields = {name.lower(): value for name, value in (line.split(b": ", 1) for line in head.split(b"\r\n")[1:])}
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"not what was asked for: {head[:40]}")
    if b"content-length" in fields:
        left = int(fields[b"content-length"]) - len(body)
        while left > 0:
            left -= len(connection.recv(65536))
    else:
        tail = body[-5:]
        while tail != b"0\r\n\r\n":
            tail = (tail + connection.recv(65536))[-5:]
    cookie = fields.get(b"set-cookie")
    return f"Cookie: {cookie.split(b';')[0].decode()}\r\n" if cookie else ""


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field without indexing (RFC 7541 §6.2.2)."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


def take_h2(connection, host, path):
    """One exchange over HTTP/2 with prior knowledge, as somebody who is not to be remembered: heads are not decoded here."""
    fields = {":method": "GET", ":scheme": "http", ":authority": host, ":path": path}
    fields |= {name.lower(): value for name, value in (line.split(": ", 1) for line in BROWSER.strip().split("\r\n"))}
    fields["purpose"] = "prefetch"
    block = b"".join(literal(name, value) for name, value in fields.items())
    connection.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) + frame(HEADERS, END_STREAM | END_HEADERS, 1, block)
    )
    got = b""
    while True:
        while len(got) < 9 or len(got) < 9 + int.from_bytes(got[:3], "big"):
            got += connection.recv(65536) or sys.exit("connection ended within an answer")
        length, kind, flags = int.from_bytes(got[:3], "big"), got[3], got[4]
        got = got[9 + length :]
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            return


def trickle(connections):
    """Reads a little of each response, again and again; a response that is already at its end would not count."""
    for connection in connections:
        if len(connection.recv(2048)) == 0:
            sys.exit("a response ended")


def main():
    kind, port, host, path, count, pid, label = sys.argv[1:]
    port, count = int(port), int(count)
    before, peak, kept, cookie = resident(pid), 0, [], ""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    for _ in range(count):
        connection = connect(port, 8192 if kind.startswith("slow") else None)
        if kind == "tls":
            connection = context.wrap_socket(connection, server_hostname=host)
        if kind in ("kept", "tls"):
            # One visitor, whom the proxy knows: it is the connection's cost that is asked for.
            ask(connection, host, path, "identity", cookie)
            cookie = take_answer(connection) or cookie
        elif kind == "h2":
            take_h2(connection, host, path)
        elif kind.startswith("slow"):
            ask(connection, host, path, "gzip" if kind == "slow-gzip" else "identity")
        kept.append(connection)
    for _ in range(10 if kind.startswith("slow") else 2):
        if kind.startswith("slow"):
            trickle(kept)
            peak = max(peak, resident(pid))
        else:
            time.sleep(1)
            peak = resident(pid)
    print(f"| {label} | {count:,} | {before / 1024:.1f} | {peak / 1024:.1f} | {(peak - before) / count:.1f} |", flush=True)
    # Without farewell: the kernel does the rest, and the port is free for the next.
    os._exit(0)


main()
