"""Answers that are malformed, odd or too much, and what each is to be taken for."""

from __future__ import annotations

from typing import Any

from tests.hostile import OK

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def told(data: bytes, header: bytes = b"") -> bytes:
    """An answer with this body."""
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (header, len(data), data)


#: What is sent, and what that is: a status, or the class of the error.
ANSWERS: list[tuple[str, list[bytes], Any]] = [
    ("another protocol", [b"SSH-2.0-OpenSSH_9.9\r\n"], "protocol"),
    ("a page without a head", [b"<html>welcome</html>\r\n\r\n"], "protocol"),
    ("binary", [bytes(range(256))], "protocol"),
    ("a TLS alert", [b"\x15\x03\x01\x00\x02\x02\x46"], "protocol"),
    ("a status that is no number", [b"HTTP/1.1 2OO OK\r\n\r\n"], "protocol"),
    ("a status of two digits", [b"HTTP/1.1 20 OK\r\n\r\n"], "protocol"),
    ("a status of four digits", [b"HTTP/1.1 2000 OK\r\n\r\n"], "protocol"),
    ("a negative status", [b"HTTP/1.1 -20 OK\r\n\r\n"], "protocol"),
    ("no status", [b"HTTP/1.1\r\n\r\n"], "protocol"),
    ("no version", [b"HTTP/ 200 OK\r\n\r\n"], "protocol"),
    ("a version that is not there yet", [b"HTTP/9.9 200 OK\r\n\r\n"], "protocol"),
    ("HTTP/2 without being asked", [b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)], "protocol"),
    ("an old version", [b"HTTP/1.0 200 OK\r\n\r\nok"], 200),
    ("no phrase", [b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"], 200),
    ("a header without a colon", [b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"], "protocol"),
    ("a NUL in a header's name", [b"HTTP/1.1 200 OK\r\nX\0A: a\r\n\r\n"], "protocol"),
    ("a NUL in a header's value", [b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n"],
     "protocol"),
    ("bytes beyond ASCII in a header", [told(b"ok", b"X-A: \xe9\xff\r\n")], 200),
    ("a header of 100 kB", [b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n"], "protocol"),
    ("a header's name of 100 kB", [b"HTTP/1.1 200 OK\r\n" + b"a" * 100_000 + b": b\r\n\r\n"],
     "protocol"),
    ("a phrase of 100 kB", [b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n"], "protocol"),
    ("10,000 headers", [b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 10_000 + b"\r\n"], "protocol"),
    ("257 headers", [b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 257 + b"\r\n"], "protocol"),
    ("100 headers of 1 kB", [b"HTTP/1.1 200 OK\r\n" + (b"X-A: " + b"a" * 1_000 + b"\r\n") * 100
                             + b"\r\n"], "protocol"),
    ("200 headers", [told(b"ok", b"X-A: a\r\n" * 200)], 200),
    ("half a head", [b"HTTP/1.1 200 OK\r\nX-A"], "connection"),
    ("half a status line", [b"HTTP/1.1 200"], "connection"),
    ("nothing at all", [b""], "connection"),
    ("bad chunking", [CHUNKED + b"zz\r\n"], "protocol"),
    ("a negative chunk", [CHUNKED + b"-5\r\nhello\r\n"], "protocol"),
    ("a chunk without its end", [CHUNKED + b"5\r\nhello0\r\n\r\n"], "protocol"),
    ("a chunk beyond 64 bits", [CHUNKED + b"1ffffffffffffffff\r\n"], "protocol"),
    ("chunks that end early", [CHUNKED + b"5\r\nhe"], "protocol"),
    ("chunks without a last one", [CHUNKED + b"5\r\nhello\r\n"], "protocol"),
    ("chunks", [CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"], 200),
    ("chunks with an extension", [CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n"], 200),
    ("a length twice, the same", [told(b"ok", b"Content-Length: 2\r\n")], "protocol"),
    ("a length twice, different", [told(b"ok", b"Content-Length: 5\r\n")], "protocol"),
    ("a length that is no number", [b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"], "protocol"),
    ("a negative length", [b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"], "protocol"),
    ("a length beyond 64 bits",
     [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"], "protocol"),
    ("a length and chunks",
     [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
     "protocol"),
    ("a body that ends early", [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"], "protocol"),
    ("a body until the end", [b"HTTP/1.1 200 OK\r\n\r\n", b"to the ", b"end"], 200),
    ("204 with a body", [b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello"], 204),
    ("304", [b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n"], 304),
    ("101", [b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"], 101),
    ("100 and then 200", [b"HTTP/1.1 100 Continue\r\n\r\n", OK], 200),
    ("100 and 200 in one piece", [b"HTTP/1.1 100 Continue\r\n\r\n" + OK], 200),
    ("102, 103 and then 200",
     [b"HTTP/1.1 102 Wait\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n", OK], 200),
    ("100 and the end", [b"HTTP/1.1 100 Continue\r\n\r\n"], "connection"),
    ("999", [b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"], 999),
    ("an answer and another", [OK + OK], 200),
    ("an answer and rubbish", [OK + b"rubbish"], 200),
    ("a byte at a time, quickly", [bytes([byte]) for byte in OK], 200),
]  # fmt: skip
