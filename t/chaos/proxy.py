"""A proxy in front of the S3 server that fails on order.

    proxy.py LISTEN_PORT SERVER_PORT CONTROL_SOCKET [SEED]

One line of JSON to the control socket sets the mode, {"mode": "slow", "p": 1.0, "bytes_s": 500000};
the answer is a line with how often each mode has struck. "p" is the chance that a request the mode
is for is struck; others pass. "times": 1 strikes no more than that. "aim": ["part"] narrows any
mode to these requests: begin, part, complete, abort, other.

    pass            everything passes
    refuse          nobody listens
    down            each connection is reset, those that are open too
    slow            bodies go up at bytes_s
    trickle         bodies and answers pass at bytes_s, in small pieces that never stop
    late            an answer is held back for late_s
    stall           bodies and answers stop until the mode changes
    damaged_part    400 XAmzContentSHA256Mismatch, as Amazon S3 says of a part that was damaged on
                    its way (SeaweedFS takes it)
    late_complete   Complete is forwarded, and answered, after delay_s
    space_complete  the same; meanwhile there is a 200, and white space
    reset_part      a part is cut in its middle, both sides reset
    slowdown        503 SlowDown                    internal        500 InternalError
    skewed          403 RequestTimeTooSkewed; Date is skew_s ahead of the truth
    ahead           the same, but only for a request that is not signed for that time, to the minute
    error_complete  Complete: 200 with an Error body, not forwarded
    lost_complete   Complete is forwarded, its answer is lost
    lost_part       the same for a part             lost_begin      the same for the upload's begin
    cut_answer      an answer ends before its Content-Length

Host and path stay as they are: both are signed.
"""
import asyncio
import calendar
import email.utils
import json
import os
import random
import re
import socket
import struct
import sys
import time

CHUNK = 65536
ERROR = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>chaos</Message>'
         '<Resource>/</Resource><RequestId>chaos</RequestId></Error>')
CANNED = {"slowdown": (503, "SlowDown"), "internal": (500, "InternalError"),
          "skewed": (403, "RequestTimeTooSkewed"), "ahead": (403, "RequestTimeTooSkewed"),
          "error_complete": (200, "InternalError"),
          "damaged_part": (400, "XAmzContentSHA256Mismatch")}


def kind_of(method, target):
    """begin, part, complete, abort or other."""
    query = target.partition("?")[2]
    if method == "POST" and re.match(r"uploads(=|&|$)", query):
        return "begin"
    if "uploadId=" in query:
        return {"PUT": "part", "POST": "complete", "DELETE": "abort"}.get(method, "other")
    return "other"


AIMS = dict({mode: ("complete",) for mode in ("error_complete", "lost_complete", "late_complete",
                                              "space_complete")},
            **{mode: ("part",) for mode in ("reset_part", "damaged_part", "lost_part")},
            lost_begin=("begin",))


class Reset(Exception):
    """The connection ends here, with a reset."""


class Collected:
    """What is written, for one who reads it all."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += data

    async def drain(self):
        pass


class Proxy:
    def __init__(self, port, server_port, seed):
        self.port, self.server_port = port, server_port
        self.r = random.Random("%s/proxy" % seed)
        self.now = {"mode": "pass"}
        self.changed = asyncio.Event()
        self.listener, self.open, self.struck = None, set(), {}

    async def listen(self):
        self.listener = await asyncio.start_server(self.serve, "127.0.0.1", self.port,
                                                   limit=1 << 20, reuse_address=True)

    async def set_mode(self, order):
        self.now = order
        self.changed.set()
        self.changed = asyncio.Event()
        if order["mode"] == "refuse" and self.listener:
            self.listener.close()
            self.listener = None
        if order["mode"] in ("refuse", "down"):
            for writer in list(self.open):
                self.reset(writer)
        if order["mode"] != "refuse" and not self.listener:
            await self.listen()

    @staticmethod
    def reset(writer):
        sock = writer.get_extra_info("socket")
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
        writer.transport.abort()

    def strikes(self, kind, head=b""):
        """The mode that hits this request, else pass."""
        mode = self.now["mode"]
        if mode == "ahead" and abs(self.signed_at(head) - time.time() - self.now["skew_s"]) < 60:
            return "pass"
        if mode == "pass" or kind not in self.now.get("aim", AIMS.get(mode, (kind,))):
            return "pass"
        if self.r.random() >= self.now.get("p", 1):
            return "pass"
        if self.struck.get(mode, 0) >= self.now.get("times", 1 << 30):
            return "pass"
        self.struck[mode] = self.struck.get(mode, 0) + 1
        return mode

    async def not_stalled(self):
        while self.now["mode"] == "stall":
            await self.changed.wait()

    async def not_late(self):
        end = time.monotonic() + self.now.get("late_s", 1)
        while self.now["mode"] == "late" and time.monotonic() < end:
            await asyncio.sleep(0.05)

    async def serve(self, reader, writer):
        self.open.add(writer)
        up = None
        try:
            if self.now["mode"] == "down":
                self.strikes("other")
                raise Reset
            up = await asyncio.open_connection("127.0.0.1", self.server_port, limit=1 << 20)
            while await self.exchange(reader, writer, *up):
                pass
            writer.close()
        except (Reset, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            self.reset(writer)
        finally:
            self.open.discard(writer)
            if up:
                self.reset(up[1])

    async def exchange(self, reader, writer, from_server, to_server):
        """One request and its answer; False when the connection is at its end."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as e:
            if e.partial:
                raise
            return False
        first = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        kind = kind_of(first[0], first[1])
        length = self.length(head) or 0
        mode = self.strikes(kind, head)
        if mode in CANNED:
            await reader.readexactly(length)
            await self.canned(writer, mode)
            return True
        if mode in ("late_complete", "space_complete"):
            body = await reader.readexactly(length)
            await self.late(writer, from_server, to_server, head + body, mode)
            return True
        to_server.write(head)
        await self.body_up(reader, to_server, length, mode)
        await self.answer(from_server, writer, first[0], mode)
        return True

    @staticmethod
    def signed_at(head):
        """Unix time of a request's signature, 0 where there is none."""
        found = re.search(rb"\r\nx-amz-date:[ \t]*(\d{8}T\d{6})Z\r", head, re.I)
        return calendar.timegm(time.strptime(found[1].decode(), "%Y%m%dT%H%M%S")) if found else 0

    @staticmethod
    def length(head):
        found = re.search(rb"\r\ncontent-length:[ \t]*(\d+)", head, re.I)
        return int(found[1]) if found else None

    async def canned(self, writer, mode):
        status, code = CANNED[mode]
        date = time.time() + (self.now.get("skew_s", 0) if mode in ("skewed", "ahead") else 0)
        body = ERROR % code
        writer.write(("HTTP/1.1 %d Chaos\r\nDate: %s\r\nContent-Type: "
                      "application/xml\r\nContent-Length: %d\r\n\r\n%s" % (
            status, email.utils.formatdate(date, usegmt=True), len(body), body)).encode())
        await writer.drain()

    async def late(self, writer, from_server, to_server, request, mode):
        """As Amazon S3 does where it takes long: 200, and white space until the result is there."""
        spaces = mode == "space_complete"
        if spaces:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n")
        end = time.monotonic() + self.now.get("delay_s", 45)
        while time.monotonic() < end:
            await asyncio.sleep(1)
            if spaces:
                writer.write(b"1\r\n \r\n")
                await writer.drain()
        to_server.write(request)
        if not spaces:
            await self.answer(from_server, writer, "POST", mode)
            return
        head = await from_server.readuntil(b"\r\n\r\n")
        body = Collected()
        await self.body_down(from_server, body, head, self.length(head))
        if self.length(head) is None:           # chunked as it came, with its end
            writer.write(bytes(body.data))
        else:
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body.data), bytes(body.data)))
        await writer.drain()

    async def body_up(self, reader, to_server, length, mode):
        left = length
        while left > 0:
            if mode == "stall":
                await self.not_stalled()
            if mode == "reset_part" and left <= length // 2:
                raise Reset
            data = await reader.read(min(2048 if mode == "trickle" else CHUNK, left))
            if not data:
                raise Reset
            left -= len(data)
            await self.put(to_server, data, mode)
            if mode == "slow" and self.now["mode"] == "slow":
                await asyncio.sleep(len(data) / self.now.get("bytes_s", 500000))

    async def answer(self, from_server, writer, method, mode):
        head = await from_server.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if mode == "stall":
            await self.not_stalled()
        if mode == "late":
            await self.not_late()
        length = self.length(head)
        if method == "HEAD" or status in (204, 304):
            length = 0
        if mode in ("lost_complete", "lost_part", "lost_begin"):
            await self.body_down(from_server, None, head, length)
            raise Reset
        if mode == "cut_answer":
            writer.write(head)
            writer.write((await from_server.read(CHUNK))[:8] if length else b"")
            await writer.drain()
            raise Reset
        await self.put(writer, head, mode)
        await self.body_down(from_server, writer, head, length, mode)

    async def put(self, writer, data, mode):
        """What is left when the mode changes goes at once."""
        at = 0
        while mode == "trickle" and self.now["mode"] == "trickle" and at < len(data):
            piece = max(1, self.now.get("bytes_s", 500) // 5)
            writer.write(data[at:at + piece])
            await writer.drain()
            at += piece
            await asyncio.sleep(0.2)
        writer.write(data[at:])
        await writer.drain()

    async def body_down(self, from_server, writer, head, length, mode="pass"):
        async def put(data):
            if writer:
                await self.put(writer, data, mode)

        if length is not None:
            while length > 0:
                data = await from_server.read(min(CHUNK, length))
                if not data:
                    raise Reset
                length -= len(data)
                await put(data)
        elif re.search(rb"\r\ntransfer-encoding:[ \t]*chunked", head, re.I):
            size = None
            while size != 0:
                line = await from_server.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                await put(line + await from_server.readexactly(size + 2))
        else:
            while True:
                data = await from_server.read(CHUNK)
                if not data:
                    raise Reset
                await put(data)

    async def control(self, reader, writer):
        try:
            line = await reader.readline()
            if line.strip():
                await self.set_mode(json.loads(line))
            writer.write(json.dumps(self.struck).encode() + b"\n")
            await writer.drain()
        finally:
            writer.close()


async def main(port, server_port, control, seed=1):
    proxy = Proxy(port, server_port, seed)
    await proxy.listen()
    if os.path.exists(control):
        os.unlink(control)
    server = await asyncio.start_unix_server(proxy.control, control)
    async with server:
        await server.serve_forever()


def order(control, mode, **more):
    """Set the mode of the proxy behind this control socket; how often each mode has struck."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(control)
        s.sendall(json.dumps(dict(more, mode=mode)).encode() + b"\n")
        return json.loads(s.makefile().readline())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
