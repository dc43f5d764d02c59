"""Requests that could be understood in two ways, or only want to do harm; and some that look like them."""

from __future__ import annotations

from typing import NamedTuple

START = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


class Vector(NamedTuple):
    """Bytes, and the refusal that they must get; `SMUGGLED` follows them, and must never be served."""

    name: str
    request: bytes
    status: int = 400
    code: str = "invalid_http"


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """Return a POST with these headers."""
    return START + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def get(*lines: bytes) -> bytes:
    """Return a GET with these headers."""
    return b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


LENGTHS = [
    Vector("CL and TE", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    Vector("TE and CL", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n")),
    Vector("CL twice, the same", post(b"Content-Length: 2", b"Content-Length: 2", body=b"ab")),
    Vector("CL twice, two values", post(b"Content-Length: 0", b"Content-Length: 36")),
    Vector("CL is a list", post(b"Content-Length: 2, 2", body=b"ab")),
    Vector("CL is a list of two values", post(b"Content-Length: 0, 36")),
    Vector("CL with a plus", post(b"Content-Length: +2", body=b"ab")),
    Vector("CL below nothing", post(b"Content-Length: -2", body=b"ab")),
    Vector("CL in hexadecimal", post(b"Content-Length: 0x2", body=b"ab")),
    Vector("CL with an underscore", post(b"Content-Length: 1_0")),
    Vector("CL with a space inside", post(b"Content-Length: 3 6")),
    Vector("CL empty", post(b"Content-Length:")),
    Vector("CL of other digits", post("Content-Length: ٣".encode())),
    Vector("CL beyond 64 bits", post(b"Content-Length: 99999999999999999999999")),
    Vector("CL beyond reason", post(b"Content-Length: 999999999999999999"), 413, "request_too_large"),
]
ENCODINGS = [
    Vector(f"TE {value.decode('latin-1')!r}", post(b"Transfer-Encoding:" + value, body=b"0\r\n\r\n"))
    for value in (
        b" chunked, identity",
        b" identity, chunked",
        b" gzip, chunked",
        b" chunked, chunked",
        b" xchunked",
        b" chunkedx",
        b"\tchunked",
        b" \x0bchunked",
        b" chunked\x0c",
        b"  chunked",
        b" chunked\t",
        b' "chunked"',
        b" chunked;q=1",
        b" identity",
        b"",
    )
]
ENCODINGS += [
    Vector("TE twice", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    Vector("TE twice, two values", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=b"0\r\n\r\n")),
    Vector(
        "TE twice, in two spellings",
        post(b"Transfer-Encoding: chunked", b"transfer-encoding: identity", body=b"0\r\n\r\n"),
    ),
    Vector("TE in HTTP/1.0", CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n"),
    Vector("TE with a space before its colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    Vector("TE folded", post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n")),
]
CHUNKS = [
    Vector(f"chunk {body[:24]!r}", CHUNKED + body)
    for body in (
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5_0\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"g\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b";a\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\rhello\r\n0\r\n\r\n",
        b"5\r\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"5;a\nhello\r\n0\r\n\r\n",
        b"5;a\0\r\nhello\r\n0\r\n\r\n",
        b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nX : y\r\n\r\n",
        b"0\r\nX: y\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\nX: " + b"y" * 300 + b"\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\n\n",
        b"0\n\r\n",
    )
]
CHUNKS += [
    Vector("chunk extensions without end", CHUNKED + (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 50 + b"0\r\n\r\n"),
    Vector("chunk trailers without end", CHUNKED + b"0\r\n" + b"X: y\r\n" * 2000 + b"\r\n"),
    Vector("chunks without end", CHUNKED + b"1\r\nx\r\n" * 12_000 + b"0\r\n\r\n"),
]
LINES = [
    Vector("bare LF", b"GET / HTTP/1.1\nHost: x\n\n"),
    Vector("bare LF in the first line", b"GET / HTTP/1.1\nHost: x\r\n\r\n"),
    Vector("bare LF behind a header", get(b"A: b\nC: d")),
    Vector("bare LF at the end", b"GET / HTTP/1.1\r\nHost: x\r\n\n"),
    Vector("bare CR", b"GET / HTTP/1.1\rHost: x\r\r"),
    Vector("bare CR in a value", get(b"A: b\rC: d")),
    Vector("bare CR in a name", get(b"A\rB: d")),
    Vector("CR CR LF", b"GET / HTTP/1.1\r\nHost: x\r\r\n\r\n"),
    Vector("folded", get(b"A: b", b" c")),
    Vector("folded with a tab", get(b"A: b", b"\tc")),
    Vector("folded first", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
    Vector("space before a colon", get(b"A : b")),
    Vector("tab before a colon", get(b"A\t: b")),
    Vector("no colon", get(b"A")),
    Vector("no name", get(b": b")),
    Vector("NUL in a name", get(b"A\0B: c")),
    Vector("NUL in a value", get(b"A: b\0c")),
    Vector("NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
    Vector("control character in a value", get(b"A: b\x01c")),
    Vector("vertical tab in a value", get(b"A: b\x0bc")),
    Vector("DEL in a value", get(b"A: b\x7fc")),
    Vector("letter beyond ASCII in a name", get("Ä: b".encode())),
    Vector("parenthesis in a name", get(b"A(b: c")),
    Vector("header before the first line", b"Host: x\r\nGET / HTTP/1.1\r\n\r\n"),
]
TARGETS = [
    Vector(f"first line {line[:30]!r}", line + b"\r\nHost: x\r\n\r\n")
    for line in (
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET\t/\tHTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET HTTP/1.1",
        b"GET",
        b"G@T / HTTP/1.1",
        b"GET /\xc3\xa4 HTTP/1.1",
        b"GET /a#b HTTP/1.1",
        b"GET path HTTP/1.1",
        b"GET @evil/ HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET ?a HTTP/1.1",
        b"GET http:///v1 HTTP/1.1",
        b"GET http://x@evil/ HTTP/1.1",
        b"GET http://evil/ HTTP/1.1",
        b"GET https://evil HTTP/1.1",
        b"GET ftp://x/ HTTP/1.1",
        b"GET / HTTP/1.2",
        b"GET / HTTP/1.10",
        b"GET / HTTP/01.1",
        b"GET / HTTP/1",
        b"GET / HTTP/0.9",
        b"GET / HTTP/2.0",
        b"GET / http/1.1",
        b"GET / RTSP/1.0",
        b"GET / ICE/1.0",
        b"GET /",
    )
]
TARGETS += [
    Vector("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Vector("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    Vector("binary", bytes(range(256))),
]
HOSTS = [
    Vector("Host missing", b"GET / HTTP/1.1\r\n\r\n"),
    Vector("Host twice", get(b"Host: y")),
    Vector("Host twice, the same", get(b"host: x")),
    Vector("Host with a space", b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n"),
    Vector("Host with a user", b"GET / HTTP/1.1\r\nHost: x@evil\r\n\r\n"),
    Vector("Host with a path", b"GET / HTTP/1.1\r\nHost: x/evil\r\n\r\n"),
    Vector("Host is a list", b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n"),
    Vector("Host beyond ASCII", "GET / HTTP/1.1\r\nHost: ä\r\n\r\n".encode()),
    Vector("Host twice in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n"),
]
METHODS = [
    Vector(f"method {name.decode()}", name + b" / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method_not_allowed")
    for name in (b"TRACE", b"PROPFIND", b"PRI", b"BREW", b"FETCH", b"get", b"GETX")
]
METHODS += [
    Vector("method CONNECT", b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n", 405, "method_not_allowed"),
]
SIZES = [
    Vector("one header of 40 KB", get(b"A: " + b"x" * 40_000), 431, "head_too_large"),
    Vector("a name of 40 KB", get(b"A" * 40_000 + b": x"), 431, "head_too_large"),
    Vector("spaces of 40 KB", get(b"A: " + b" " * 40_000 + b"x"), 431, "head_too_large"),
    Vector("a target of 40 KB", b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "head_too_large"),
    Vector("a method of 40 KB", b"A" * 40_000, 431, "head_too_large"),
    Vector("101 headers", get(*[b"A: b"] * 100), 431, "head_too_large"),
    Vector("5,000 headers", get(*[b"A: b"] * 5_000), 431, "head_too_large"),
]
HOSTILE = [*LENGTHS, *ENCODINGS, *CHUNKS, *LINES, *TARGETS, *HOSTS, *METHODS, *SIZES]


class Benign(NamedTuple):
    """Bytes that look odd and are good: the bodies of the requests that they are."""

    name: str
    requests: bytes
    bodies: tuple[bytes, ...] = (b"",)


BENIGN = [
    Benign("no body", get()),
    Benign("a body with a length", post(b"Content-Length: 5", body=b"hello"), (b"hello",)),
    Benign("a length with zeros before it", post(b"Content-Length: 005", body=b"hello"), (b"hello",)),
    Benign("a length with spaces around it", post(b"Content-Length:  5  ", body=b"hello"), (b"hello",)),
    Benign("a body of no bytes", post(b"Content-Length: 0")),
    Benign("a body that looks like a request", post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED), (SMUGGLED,)),
    Benign("chunks", CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", (b"hello world",)),
    Benign(
        "chunks that look like a request", CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED), (SMUGGLED,)
    ),
    Benign("chunks without bytes", CHUNKED + b"0\r\n\r\n"),
    Benign(
        "chunks in capitals",
        CHUNKED.replace(b"chunked", b"Chunked") + b"A\r\n0123456789\r\n0\r\n\r\n",
        (b"0123456789",),
    ),
    Benign("chunk sizes with zeros before them", CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n", (b"hello",)),
    Benign("chunk extensions", CHUNKED + b'5;a=b;c="d e"\r\nhello\r\n0;f\r\n\r\n', (b"hello",)),
    Benign("trailers", CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\nAuthorization: z\r\n\r\n", (b"hello",)),
    Benign("line ends inside chunks", CHUNKED + b"6\r\n\r\n0\r\n\n\r\n0\r\n\r\n", (b"\r\n0\r\n\n",)),
    Benign("empty lines before the request", b"\r\n\r\n" + get()),
    Benign("no Host in HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n"),
    Benign("an empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    Benign("a Host with a port", b"GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n"),
    Benign("a whole URL of this host", b"GET http://X/v1/models?a=b HTTP/1.1\r\nHost: x\r\n\r\n"),
    Benign("no path of anything", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
    Benign("headers that are repeated", get(b"Accept: a", b"Accept: b")),
    Benign("100 headers", get(*[b"A: b"] * 99)),
    Benign("bytes beyond ASCII in a value", get("A: ä".encode())),
    Benign("a tab in a value", get(b"A: b\tc")),
    Benign("an empty value", get(b"A:")),
    Benign(
        "an offer of HTTP/2", post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 2", body=b"{}"), (b"{}",)
    ),
    Benign("an offer of WebSocket", get(b"Connection: keep-alive, Upgrade", b"Upgrade: websocket")),
    Benign("a GET with a body", get(b"Content-Length: 2") + b"{}", (b"{}",)),
    Benign(
        "five requests at once",
        get()
        + post(b"Content-Length: 3", body=b"one")
        + CHUNKED
        + b"3\r\ntwo\r\n0\r\nX: y\r\n\r\n"
        + b"\r\n"
        + get()
        + get(),
        (b"", b"one", b"two", b"", b""),
    ),
]
