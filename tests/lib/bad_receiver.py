#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bad_receiver: a receiver of webhooks on loopback, over HTTP or TLS, that misbehaves by path.

usage: bad_receiver.py [--bind ADDRESS] [--port N] [--cert PEM] [--log FILE]

Prints "port N" once it serves; connections are kept. --log gets a line "connection" per
connection (once TLS is up) and "request METHOD PATH" per request. Paths:

  /echo         the request as it came          /redirect    302 to /ok
  /drip-head    a byte of a header each second  /drip-body   a byte of the body each second
  /hang         no answer                       /reset       the connection is reset
  /close        closed without an answer        /noise       something that is not HTTP
  /endless      a gigabyte                      /chunks      chunks without end
  /extension    a chunk's head without end      /continue    "100 Continue" without end
  /headers      headers without end             /trailers    trailers without end
  /bomb         16 MiB as gzip content          /te-bomb     the same as a gzip transfer coding
  /long         20000 bytes                     /status/N    that status
  anything else 200, "hello"
"""

import argparse
import gzip
import socket
import ssl
import struct
import sys
import threading
import time

LOCK = threading.Lock()


class Server:
    def __init__(self, args):
        self.log = open(args.log, "a", encoding="utf-8") if args.log else None
        self.tls = None
        if args.cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(args.cert)
        family = socket.AF_INET6 if ":" in args.bind else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((args.bind, args.port))
        self.listener.listen(500)

    def note(self, line):
        if self.log:
            with LOCK:
                self.log.write(line + "\n")
                self.log.flush()

    def serve(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.connection, args=(peer,), daemon=True).start()

    def connection(self, peer):
        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                peer = self.tls.wrap_socket(peer, server_side=True)
            self.note("connection")
            rest = b"" if self.tls else receive(peer)
            if rest.startswith(b"\x16"):  # somebody tries TLS
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                raise EOFError
            while True:
                head, rest = read_until(peer, rest, b"\r\n\r\n")
                size = content_length(head)
                while len(rest) < size:
                    rest += receive(peer)
                method, path = head.split(b" ")[:2]
                self.note(f"request {method.decode()} {path.decode()}")
                answer(peer, path.decode(), head + rest[:size])
                rest = rest[size:]
        except (OSError, ValueError, EOFError):
            peer.close()


def receive(peer):
    data = peer.recv(65536)
    if not data:
        raise EOFError
    return data


def read_until(peer, data, mark):
    while mark not in data:
        data += receive(peer)
    at = data.index(mark) + len(mark)
    return data[:at], data[at:]


def content_length(head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def send(peer, status, body, headers=""):
    peer.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
                 + body)


def drip(peer, text):
    for byte in text:
        peer.sendall(bytes([byte]))
        time.sleep(1)


def forever(peer, start, piece):
    peer.sendall(start)
    while True:
        peer.sendall(piece)


def reset(peer):
    """Closes with a reset: what is unread or unsent is thrown away."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    raise EOFError


def bomb():
    return gzip.compress(bytes(1 << 24))


def answer(peer, path, request):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    if path == "/echo":
        send(peer, "200 OK", request, "Set-Cookie: a=b; Path=/\r\n")
    elif path == "/redirect":
        send(peer, "302 Found", b"moved", "Location: /ok\r\n")
    elif path == "/drip-head":
        drip(peer, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100)
    elif path == "/drip-body":
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        drip(peer, b"x" * 100)
    elif path == "/hang":
        time.sleep(3600)
    elif path == "/reset":
        reset(peer)
    elif path == "/close":
        raise EOFError
    elif path == "/noise":
        peer.sendall(b"220 mail.example ESMTP\r\n")
        time.sleep(3600)
    elif path == "/endless":
        forever(peer, b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", b"x" * 65536)
    elif path == "/chunks":
        forever(peer, chunked, b"1000\r\n" + b"x" * 4096 + b"\r\n")
    elif path == "/extension":
        forever(peer, chunked + b"5;", b"x" * 65536)
    elif path == "/continue":
        forever(peer, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
    elif path == "/headers":
        forever(peer, b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 100 + b"\r\n")
    elif path == "/trailers":
        forever(peer, chunked + b"2\r\nhi\r\n0\r\n", b"X-Filler: " + b"x" * 100 + b"\r\n")
    elif path == "/bomb":
        send(peer, "200 OK", bomb(), "Content-Encoding: gzip\r\n")
    elif path == "/te-bomb":
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n"
                     + bomb())
        raise EOFError
    elif path == "/long":
        send(peer, "200 OK", b"l" * 20000)
    elif path.startswith("/status/"):
        send(peer, path[8:] + " As asked", b"{}")
    else:
        send(peer, "200 OK", b"hello")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert")
    parser.add_argument("--log")
    server = Server(parser.parse_args())
    print("port", server.listener.getsockname()[1], flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
