#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""dns_server: a name server on loopback for tests, over UDP and TCP, that answers from a table.

usage: dns_server.py [--port N] [--log FILE] (--table JSON | --file FILE)

Prints "port N" once it answers. The table maps names (lower case, no final dot; "*.example"
stands for every name below example, the longest match wins) to what is said about them:

  "A", "AAAA"   addresses: a list; or a list of lists, one for each question in turn (the last
                one stays), for names that change their mind
  "cname"       an alias; the addresses of the other name, if the table has it, go along
  "ttl"         seconds, 0 unless given
  "rcode"       "NXDOMAIN", "SERVFAIL", "REFUSED"
  "silent"      true: no answer at all; "A" or "AAAA": none to that question
  "delay_ms"    the answer comes late
  "many"        N: that many A answers, 93.184.0.0 and up (more than a datagram holds)
  "garbage"     true: bytes that are no answer

A name that is not there is NXDOMAIN. --log gets a line "TYPE name transport" per question.
"""

import argparse
import asyncio
import ipaddress
import json
import socket
import struct
import sys

TYPES = {1: "A", 28: "AAAA", 5: "CNAME"}
RCODES = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}
DATAGRAM = 512


class Table:
    def __init__(self, rows, log):
        self.rows, self.log, self.asked = rows, log, {}

    def row(self, name):
        if name in self.rows:
            return self.rows[name]
        labels = name.split(".")
        for i in range(1, len(labels)):
            row = self.rows.get("*." + ".".join(labels[i:]))
            if row is not None:
                return row
        return None

    def note(self, kind, name, transport):
        if self.log:
            self.log.write(f"{kind} {name} {transport}\n")
            self.log.flush()

    def addresses(self, name, row, kind):
        if kind == "A" and "many" in row:
            first = int(ipaddress.IPv4Address("93.184.0.0"))
            return [str(ipaddress.IPv4Address(first + i)) for i in range(row["many"])]
        values = row.get(kind, [])
        if values and isinstance(values[0], list):
            turn = self.asked.get((name, kind), 0)
            self.asked[name, kind] = turn + 1
            values = values[min(turn, len(values) - 1)]
        return values


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def read_question(data):
    """The name in lower case, the type, and the question's bytes."""
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1").lower())
        at += 1 + data[at]
    kind, = struct.unpack_from("!H", data, at + 1)
    return ".".join(labels), kind, data[12:at + 5]


def records(table, name, row, kind):
    ttl, found, owner = row.get("ttl", 0), [], b"\xc0\x0c"
    if "cname" in row:
        target = encode_name(row["cname"])
        found.append(owner + struct.pack("!HHIH", 5, 1, ttl, len(target)) + target)
        owner, name = target, row["cname"]
        row = table.row(name) or {}
    for text in table.addresses(name, row, TYPES.get(kind, "")):
        packed = ipaddress.ip_address(text).packed
        found.append(owner + struct.pack("!HHIH", kind, 1, ttl, len(packed)) + packed)
    return found


def answer(table, data, limit):
    """The bytes to send, or None; and after how many seconds."""
    name, kind, question = read_question(data)
    table.note(TYPES.get(kind, kind), name, "tcp" if limit > DATAGRAM else "udp")
    row = table.row(name)
    ident, flags = struct.unpack_from("!HH", data)
    rcode, found = RCODES["NXDOMAIN"], []
    if row is not None:
        if row.get("silent") in (True, TYPES.get(kind)):
            return None, 0
        if row.get("garbage"):
            return data[:2] + b"\xff" * 30, 0
        rcode = RCODES[row.get("rcode", "NOERROR")]
        found = records(table, name, row, kind) if rcode == 0 else []
    flags = 0x8480 | flags & 0x0100 | rcode
    body = question + b"".join(found)
    if len(body) + 12 > limit:
        flags, found, body = flags | 0x0200, [], question
    head = struct.pack("!HHHHHH", ident, flags, 1, len(found), 0, 0)
    return head + body, (row or {}).get("delay_ms", 0) / 1000


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, table):
        self.table = table

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        reply, delay = answer(self.table, data, DATAGRAM)
        if reply is not None:
            asyncio.get_running_loop().call_later(delay, self.transport.sendto, reply, address)


async def stream(table, reader, writer):
    try:
        while True:
            size, = struct.unpack("!H", await reader.readexactly(2))
            reply, delay = answer(table, await reader.readexactly(size), 65535)
            if reply is None:
                continue
            await asyncio.sleep(delay)
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def sockets(port):
    """A TCP and a UDP socket with the same number."""
    for _ in range(50):
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", port))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        try:
            udp.bind(("127.0.0.1", tcp.getsockname()[1]))
            return tcp, udp
        except OSError:
            tcp.close()
            udp.close()
    sys.exit("dns_server: no free port")


async def serve(table, port):
    loop = asyncio.get_running_loop()
    tcp, udp = sockets(port)
    await loop.create_datagram_endpoint(lambda: Datagrams(table), sock=udp)
    server = await asyncio.start_server(lambda r, w: stream(table, r, w), sock=tcp)
    print("port", tcp.getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--table")
    parser.add_argument("--file")
    args = parser.parse_args()
    if args.file:
        with open(args.file, encoding="utf-8") as file:
            rows = json.load(file)
    else:
        rows = json.loads(args.table or "{}")
    log = open(args.log, "a", encoding="utf-8") if args.log else None
    try:
        asyncio.run(serve(Table(rows, log), args.port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
