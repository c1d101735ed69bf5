"""HTTP/1.1 down to its bytes, against a real server."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from models import catalogue
from tests.end_to_end.connection import SECONDS, Connection, Response, request
from tests.end_to_end.server import Server
from tests.end_to_end.test_metrics import total
from tests.storage.servers import wait_for

PREDICT = "/v1/models/purchase/predict"
BATCH = "/v1/models/fraud/batch"
BODY = {"record": catalogue()["purchase"].schema.example}
MANY = {"records": [catalogue()["fraud"].schema.example] * 1000}
LIMIT = 8_000_000


def chunked(body: bytes, size: int) -> list[bytes]:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [b"%x;name=value\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\nTrailer: x\r\n\r\n"]


def padded(body: object, size: int) -> bytes:
    """The body with enough white space in it to be `size` bytes long."""
    content = json.dumps(body).encode()
    return b"{" + b" " * (size - len(content)) + content[1:]


def is_prediction(response: Response) -> bool:
    return response.status == 200 and "score" in response.json()


def test_pipelined_requests_are_answered_in_order(connection: Connection) -> None:
    ids = [f"number-{i}" for i in range(20)]
    connection.send(b"".join(request(PREDICT, BODY, headers=[f"X-Request-ID: {identity}"]) for identity in ids))
    answers = [connection.receive() for _ in ids]
    assert [answer.headers["x-request-id"] for answer in answers] == ids
    assert all(is_prediction(answer) for answer in answers)


def test_requests_of_all_kinds_share_a_connection_in_order(connection: Connection) -> None:
    asked: list[tuple[str, Any, int]] = [
        (PREDICT, BODY, 200),
        ("/livez", None, 200),
        ("/v1/models/purchase/explain", BODY, 200),
        ("/v1/models/nope/predict", BODY, 404),
        ("/v1/models", None, 200),
        (PREDICT, {"record": 1}, 422),
        (PREDICT + "?verbose=1", BODY, 200),
        ("/nowhere", None, 404),
        (BATCH, MANY, 200),
        ("/readyz", None, 200),
        (PREDICT, BODY, 200),
    ]
    sent = b""
    for number, (path, body, _) in enumerate(asked):
        method = "GET" if body is None else "POST"
        sent += request(path, body, method=method, headers=[f"X-Request-ID: {number}"])
    connection.send(sent)
    for number, (path, _, status) in enumerate(asked):
        answer = connection.receive()
        assert (answer.headers["x-request-id"], answer.status) == (str(number), status), path


def test_pipelined_large_bodies_are_all_read(connection: Connection) -> None:
    one = request(BATCH, MANY)
    connection.send(one * 3, request("/livez", method="GET"), one)
    assert [connection.receive().status for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("size", [50_000, 70_000, 300_000, LIMIT])
def test_a_body_of_any_allowed_size_is_read(connection: Connection, size: int) -> None:
    assert is_prediction(connection.ask(PREDICT, padded(BODY, size)))
    assert is_prediction(connection.ask(PREDICT, BODY))


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x"])
def test_a_chunked_body_is_read(connection: Connection, path: str, size: int) -> None:
    head = request(path, headers=["Transfer-Encoding: chunked", "Content-Type: application/json"])
    connection.send(head, *chunked(json.dumps(BODY).encode(), size))
    assert is_prediction(connection.receive())
    connection.send(head + b"".join(chunked(padded(BODY, 200_000), 65_536)))
    assert is_prediction(connection.receive())


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/nope/predict"])
def test_a_request_may_arrive_byte_by_byte(connection: Connection, path: str) -> None:
    whole = request(path, BODY, headers=["X-Request-ID: slowly"])
    connection.send(*(whole[at : at + 1] for at in range(len(whole))))
    assert connection.receive().headers["x-request-id"] == "slowly"
    assert is_prediction(connection.ask(PREDICT, BODY))


def test_a_client_that_expects_100_continue_gets_it_before_it_sends_the_body(connection: Connection) -> None:
    whole = request(PREDICT, BODY, headers=["Expect: 100-continue"])
    end = whole.index(b"\r\n\r\n") + 4
    connection.send(whole[:end])
    assert connection.receive().status == 100
    connection.send(whole[end:])
    assert is_prediction(connection.receive())


def test_a_body_that_is_announced_as_too_large_is_refused_without_100_continue(connection: Connection) -> None:
    head = [f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"]
    connection.send(request(PREDICT, headers=head))
    answer = connection.receive()
    assert (answer.status, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["connection"] == "close"


def test_http_1_0_is_answered_and_the_connection_ends(connection: Connection) -> None:
    answer = connection.ask(PREDICT, BODY, version="1.0")
    assert is_prediction(answer)
    assert answer.headers["connection"] == "close"
    assert connection.ended()


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/nope/predict", PREDICT + "?x"])
def test_connection_close_is_honoured(connection: Connection, path: str) -> None:
    answer = connection.ask(path, BODY, headers=["Connection: close"])
    assert answer.headers["connection"] == "close"
    assert connection.ended()


@pytest.mark.parametrize("headers", [[], ["Connection: close"]])
def test_a_large_answer_reaches_a_client_that_reads_late(
    server: Server, connection: Connection, headers: list[str]
) -> None:
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    everything = {**MANY, "include": ["features", "probabilities"]}
    connection.send(request(BATCH, everything, headers=headers))
    with Connection(server.port) as other:
        assert is_prediction(other.ask(PREDICT, BODY))
    answer = connection.receive()
    assert answer.json()["summary"]["succeeded"] == 1000
    assert len(answer.body) > 500_000
    assert connection.ended() if headers else is_prediction(connection.ask(PREDICT, BODY))


@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x", "/livez"])
def test_an_answer_to_head_has_no_body(connection: Connection, path: str) -> None:
    connection.send(request(path, method="HEAD"))
    answer = connection.receive(head_only=True)
    assert answer.status == (200 if path == "/livez" else 405)
    assert int(answer.headers["content-length"]) > 0
    assert is_prediction(connection.ask(PREDICT, BODY))


def test_a_connection_serves_many_requests(connection: Connection) -> None:
    for _ in range(100):
        assert is_prediction(connection.ask(PREDICT, BODY))


def test_a_query_does_not_change_the_answer(connection: Connection) -> None:
    assert connection.ask(PREDICT + "?a=b&c", BODY).json()["score"] == connection.ask(PREDICT, BODY).json()["score"]
    assert is_prediction(connection.ask("/v1/models/purchas%65/predict", BODY))


GARBAGE = {
    "binary": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no method": b"BREW /pot HTTP/1.1\r\n\r\n",
    "no version": b"GET\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": request(PREDICT, BODY, headers=["Content-Length: 3"]),
    "length and chunks": request(PREDICT, BODY, headers=["Transfer-Encoding: chunked"]),
    "negative length": request(PREDICT, headers=["Content-Length: -1"]),
    "endless length": request(PREDICT, headers=["Content-Length: " + "9" * 40]),
    "no chunk size": request(PREDICT, headers=["Transfer-Encoding: chunked"]) + b"zz\r\n",
    "null in a header": request(PREDICT, BODY, headers=["X-Request-ID: a\0b"]),
    "no host": request(PREDICT, BODY).replace(b"Host: tiffin\r\n", b""),
    "no host for another path": request("/livez", method="GET").replace(b"Host: tiffin\r\n", b""),
    "two hosts": request(PREDICT, BODY, headers=["Host: other"]),
    "two hosts for another path": request("/livez", method="GET", headers=["Host: other"]),
    "gzip": request(PREDICT, headers=["Transfer-Encoding: gzip, chunked"]) + b"0\r\n\r\n",
    "gzip in another header": request(PREDICT, headers=["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"]),
    "gzip for another path": request("/livez", headers=["Transfer-Encoding: gzip, chunked"]) + b"0\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_not_http_is_refused_as_a_problem_and_the_connection_ends(
    connection: Connection, garbage: bytes
) -> None:
    connection.send(garbage)
    check_refusal(connection, 400, "Malformed request")
    assert connection.ended()


def check_refusal(connection: Connection, status: int, title: str) -> Response:
    """The next answer is that problem, under an id that its header and its document agree on."""
    answer = connection.receive()
    problem = answer.json()
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert problem["code"] == ("malformed_body" if status == 400 else "too_large")
    assert (problem["status"], problem["title"]) == (status, title)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["connection"] == "close"
    return answer


@pytest.mark.parametrize("target", [PREDICT, "/livez"])
def test_an_answer_that_is_due_comes_before_the_connection_ends_at_garbage(connection: Connection, target: str) -> None:
    first = request(target, BODY) if target == PREDICT else request(target, method="GET")
    connection.send(first + b"\x00\x01garbage\r\n\r\n")
    assert connection.receive().status == 200
    assert connection.ended()


def test_what_is_not_http_is_logged_and_counted_under_its_id(server: Server, connection: Connection) -> None:
    before = total(server, "tiffin_requests_total", route="other", status="400")
    headers = ["X-Request-ID: garbage-1", "Transfer-Encoding: gzip"]
    connection.send(request("/v1/models?token=x", method="GET", headers=headers))
    answer = check_refusal(connection, 400, "Malformed request")
    assert answer.headers["x-request-id"] == "garbage-1"
    wait_for(lambda: "garbage-1" in server.log.read_text())
    (line,) = [line for line in server.log.read_text().splitlines() if "garbage-1" in line]
    assert {"method": "GET", "path": "/v1/models", "status": 400}.items() <= json.loads(line).items()
    wait_for(lambda: total(server, "tiffin_requests_total", route="other", status="400") > before)


TOO_LONG = {
    "a path": (request("/" + "x" * 10_000, method="GET"), 414),
    "a query": (request(PREDICT + "?" + "x" * 10_000, BODY), 414),
    "a path without an end": (b"GET /" + b"x" * 1_000_000, 414),
    "a header": (request(PREDICT, BODY, headers=["X-Long: " + "x" * 70_000]), 431),
    "a header of a megabyte": (request(PREDICT, BODY, headers=["X-Long: " + "x" * 1_000_000]), 431),
    "a header for another path": (request("/livez", method="GET", headers=["X-Long: " + "x" * 200_000]), 431),
    "20 000 headers": (request(PREDICT, BODY, headers=["a: b"] * 20_000), 431),
    "a header without an end": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 400_000, 431),
}


@pytest.mark.parametrize(("sent", "status"), TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_head_that_is_too_long_is_refused_readably(connection: Connection, sent: bytes, status: int) -> None:
    connection.send(sent)
    check_refusal(connection, status, "URI too long" if status == 414 else "Request header fields too large")


def test_a_head_within_the_limits_is_read_in_any_pieces_and_after_a_large_body(connection: Connection) -> None:
    headers = [f"X-{number}: {'x' * 1000}" for number in range(60)]
    long = request(PREDICT, BODY, headers=headers)
    connection.send(*(long[at : at + 777] for at in range(0, len(long), 777)))
    assert is_prediction(connection.receive())
    connection.send(request(BATCH, MANY) + long + request(BATCH, padded(MANY, 3_000_000)) + long)
    for _ in range(4):
        assert connection.receive().status == 200


@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x", "/livez"])
@pytest.mark.parametrize(
    "identity",
    ["a b", "a\tb", "x" * 129, "caf\u00e9", '"quoted"', "{json}", "", "a;b", "%0d%0aSet-Cookie: a=b", "a\\r\\nb: c"],
)
def test_a_request_id_that_could_do_harm_is_replaced(connection: Connection, path: str, identity: str) -> None:
    method, body = ("GET", None) if path == "/livez" else ("POST", BODY)
    answer = connection.ask(path, body, method=method, headers=[f"X-Request-ID: {identity}"])
    assert answer.status == 200
    assert len(answer.headers["x-request-id"]) == 36
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x", "/livez", "/nowhere"])
def test_a_harmless_request_id_is_kept(connection: Connection, path: str) -> None:
    identity = "01J-abc_DEF.123:/+=@"
    answer = connection.ask(path, BODY, headers=[f"X-Request-ID: {identity}"])
    assert answer.headers["x-request-id"] == identity


@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x"])
def test_a_body_that_is_announced_as_too_large_is_refused_readably(connection: Connection, path: str) -> None:
    connection.send(request(path, headers=[f"Content-Length: {LIMIT + 1}"]), b"x" * 300_000)
    answer = connection.receive()
    assert (answer.status, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x"])
def test_a_chunked_body_that_grows_too_large_is_refused_readably(connection: Connection, path: str) -> None:
    head = request(path, headers=["Transfer-Encoding: chunked", "Content-Type: application/json"])
    connection.send(head, *chunked(b" " * (LIMIT + 1_000_000), 500_000)[:-1])
    answer = connection.receive()
    assert (answer.status, answer.json()["code"]) == (413, "too_large")


def test_an_upgrade_that_nobody_offers_does_not_keep_the_request_waiting(connection: Connection) -> None:
    headers = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    assert is_prediction(connection.ask(PREDICT, BODY, headers=headers))
    assert is_prediction(connection.ask(PREDICT, BODY))


@pytest.mark.parametrize("path", [PREDICT, "/v1/streams", "/nowhere"])
def test_a_websocket_that_nobody_offers_is_refused(connection: Connection, path: str) -> None:
    headers = [
        *("Connection: Upgrade", "Upgrade: websocket"),
        *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    answer = connection.ask(path, method="GET", headers=[*headers, "X-Request-ID: socket"])
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "socket"
    assert connection.ended()


@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x", "/v1/outcomes"])
def test_what_a_page_of_another_site_sends_is_refused(connection: Connection, path: str) -> None:
    answer = connection.ask(path, BODY, headers=["Origin: https://evil.example"])
    assert (answer.status, answer.json()["code"]) == (403, "foreign_origin")


def test_a_page_of_another_site_does_not_listen_and_its_own_may_send(connection: Connection) -> None:
    assert is_prediction(connection.ask(PREDICT, BODY, headers=["Origin: http://tiffin"]))
    headers = [
        *("Connection: Upgrade", "Upgrade: websocket", "Origin: https://evil.example"),
        *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    answer = connection.ask("/v1/stream", method="GET", headers=headers)
    assert (answer.status, answer.json()["code"]) == (403, "foreign_origin")


def send_without_reading(connection: Connection, one: bytes, most: int) -> int:
    """Send that request again and again until `most` bytes are sent or the server takes no more; how many were."""
    connection.socket.setblocking(False)
    sent = 0
    while sent < most and select.select([], [connection.socket], [], 1.0)[1]:
        at = sent % len(one)
        sent += connection.socket.send((one * (1 + 50_000 // len(one)))[at:])
    connection.socket.settimeout(SECONDS)
    return sent


def test_a_client_that_does_not_read_its_answers_is_not_read_either(connection: Connection) -> None:
    whole = request(BATCH, MANY)
    sent = send_without_reading(connection, whole, 400 * len(whole))
    assert sent < 100 * len(whole), "the server takes it all and keeps the answers"
    count, part = divmod(sent, len(whole))
    for number in range(count):
        assert connection.receive().status == 200, number
    connection.send(whole[part:])
    assert connection.receive().json()["summary"]["succeeded"] == 1000


def test_small_requests_with_large_answers_that_nobody_reads_do_not_fill_the_memory(
    server: Server, connection: Connection
) -> None:
    def memory() -> int:
        return max(int(worker.memory_info().rss) for worker in server.workers())

    before = memory()
    send_without_reading(connection, request(BATCH, {"records": [0] * 30}), 12_000_000)
    assert memory() - before < 100_000_000
    assert [connection.receive().json()["summary"]["failed"] for _ in range(100)] == [30] * 100


def test_headers_without_an_end_are_refused(connection: Connection) -> None:
    line = b"X-Filler: " + b"x" * 10_000 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        connection.send(b"POST /livez HTTP/1.1\r\n", *[line] * 100)
    check_refusal(connection, 431, "Request header fields too large")


@pytest.mark.parametrize("path", [PREDICT, "/livez"])
def test_trailers_without_an_end_are_not_collected(connection: Connection, path: str) -> None:
    head = request(path, headers=["Transfer-Encoding: chunked", "Content-Type: application/json"])
    trailers = (b"X-Filler: " + b"x" * 60_000 + b"\r\n") * 10
    connection.send(head + chunked(json.dumps(BODY).encode(), 1000)[0] + b"0\r\n")
    with pytest.raises(ConnectionError):
        connection.send(*[trailers] * 400)


def test_every_client_gets_its_own_answer_when_many_ask_at_once(server: Server) -> None:
    def ask(client: int) -> None:
        with Connection(server.port) as connection:
            for number in range(20):
                record = {**BODY["record"], "price": client + number / 100}
                identity = f"{client}-{number}"
                sent = {"record": record, "include": ["features"]}
                answer = connection.ask(PREDICT, sent, headers=[f"X-Request-ID: {identity}"])
                assert answer.headers["x-request-id"] == identity
                assert answer.json()["features"] == record

    with ThreadPoolExecutor(16) as clients:
        for done in [clients.submit(ask, client) for client in range(16)]:
            done.result()


def abort(connection: Connection) -> None:
    """Reset the connection instead of closing it in order."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("path", [PREDICT, PREDICT + "?x", BATCH])
def test_a_client_that_goes_away_harms_nobody(server: Server, connection: Connection, path: str) -> None:
    whole = request(path, MANY if path == BATCH else BODY)
    errors = server.log.read_text().count('"ERROR"')
    for part in (whole[:10], whole[:-10], whole):
        for leave in (Connection.close, abort):
            with Connection(server.port) as gone:
                gone.send(part)
                leave(gone)
    assert is_prediction(connection.ask(PREDICT, BODY))
    wait_for(lambda: all(len(worker.net_connections()) < 10 for worker in server.workers()))
    assert server.log.read_text().count('"ERROR"') == errors
