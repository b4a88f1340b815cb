"""What nobody may send: too much, too fast, too slowly, or for another host."""

import asyncio
import re
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from sqlalchemy import Engine, text
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from jobrunner.errors import UsageError
from jobrunner.settings import Settings
from jobrunner.web import http_protocol
from jobrunner.web.app import make_app
from jobrunner.web.context import Web
from jobrunner.web.gate.forwarded import networks_of
from jobrunner.web.gate.rates import Shares
from jobrunner.web.gate.sizes import Sizes
from jobrunner.web.guesses import Guesses
from jobrunner.web.http_protocol import HttpProtocol
from tests.web.conftest import Headers

HEALTH = "/api/v1/health"


class Clock:
    """A time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


# --- Rates ------------------------------------------------------------------------------------------


def test_fault_72_a_caller_has_his_burst_and_then_his_rate() -> None:
    clock = Clock()
    shares = Shares(50, clock)
    assert sum(shares.take(b"a") == 0 for _ in range(1_000)) == 200
    clock.seconds += 1
    assert sum(shares.take(b"a") == 0 for _ in range(1_000)) == 50


def test_fault_72_one_caller_takes_nothing_from_another() -> None:
    shares = Shares(1, Clock())
    assert [shares.take(b"a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert shares.take(b"b") == 0


def test_less_than_one_a_second_is_a_rate_too() -> None:
    shares = Shares(0.1, Clock())
    assert [shares.take(b"a") for _ in range(2)] == [0, 10]


def test_fault_72_callers_are_forgotten_so_that_memory_stays_flat() -> None:
    shares = Shares(1, Clock())
    for number in range(50_000):
        shares.take(str(number).encode())
    assert len(shares._full_at) == 20_000


@pytest.fixture
def limited(engine: Engine) -> Iterator[TestClient]:
    """An app that answers five requests at once, and one a second after these."""
    settings = Settings(web_requests_per_second=1, web_proxies=("10.0.0.0/24",))
    app = make_app(Web(settings, engine))
    with TestClient(app, base_url="http://127.0.0.1", client=("10.0.0.1", 1)) as opened:
        yield opened


def tenth_status(client: TestClient, forwarded_for: str, **headers: str) -> int:
    """Of requests that differ in one digit of where they are said to come from."""
    answers = [
        client.get(HEALTH, headers={"X-Forwarded-For": forwarded_for.format(number), **headers})
        for number in range(10)
    ]
    return answers[-1].status_code


def test_fault_72_a_flood_is_answered_429_with_when_to_come_back(limited: TestClient) -> None:
    answers = [limited.get(HEALTH) for _ in range(50)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 40
    assert {answer.status_code for answer in answers} == {200, 429}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}


def test_fault_72_a_flood_of_one_address_leaves_room_for_others(limited: TestClient) -> None:
    for _ in range(10):
        limited.get(HEALTH, headers={"X-Forwarded-For": "203.0.113.1"})
    answer = limited.get(HEALTH, headers={"X-Forwarded-For": "203.0.113.2"})
    assert answer.status_code == 200


def test_fault_72_addresses_of_one_ipv6_network_are_one_caller(limited: TestClient) -> None:
    assert tenth_status(limited, "2001:db8::1{}") == 429


def test_a_token_has_one_share_wherever_it_comes_from(limited: TestClient) -> None:
    assert tenth_status(limited, "203.0.113.{}", Authorization="x") == 429


# --- Addresses --------------------------------------------------------------------------------------


def test_what_a_caller_writes_before_the_proxys_word_counts_for_nothing(
    limited: TestClient,
) -> None:
    assert tenth_status(limited, "198.51.100.{}, 203.0.113.1") == 429


def test_a_port_behind_the_address_makes_no_other_caller(limited: TestClient) -> None:
    assert tenth_status(limited, "203.0.113.1:400{}") == 429


def test_a_proxy_is_known_where_ipv6_is_listened_on(engine: Engine) -> None:
    settings = Settings(web_requests_per_second=1, web_proxies=("10.0.0.7",))
    app = make_app(Web(settings, engine))
    with TestClient(app, base_url="http://127.0.0.1", client=("::ffff:10.0.0.7", 1)) as client:
        assert tenth_status(client, "[2001:db8:{}::1]:443") == 200


def test_nobody_but_a_proxy_says_where_he_comes_from(engine: Engine) -> None:
    settings = Settings(web_requests_per_second=1, web_proxies=("10.0.0.0/24",))
    app = make_app(Web(settings, engine))
    with TestClient(app, base_url="http://127.0.0.1", client=("10.9.9.9", 1)) as client:
        assert tenth_status(client, "203.0.113.{}") == 429


def test_a_proxy_that_is_no_address_is_refused() -> None:
    with pytest.raises(UsageError, match="'nginx', which is no address"):
        networks_of(["10.0.0.1", "nginx"])


# --- Guessing ---------------------------------------------------------------------------------------


def test_fault_83_after_ten_wrong_credentials_an_address_waits_a_minute(
    client: TestClient,
) -> None:
    wrong = {"Authorization": "Bearer jr_wrong"}
    codes = [client.get("/api/v1/status", headers=wrong).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2


def test_fault_83_a_right_one_is_not_looked_at_either(
    client: TestClient, sign: Callable[..., Headers]
) -> None:
    for _ in range(10):
        client.post("/sign-in", data={"token": "x"}, headers={"Origin": "http://127.0.0.1"})
    answer = client.get("/api/v1/status", headers=sign("admin"))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_fault_83_the_minute_passes() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    for _ in range(10):
        guesses.failed("a")
    clock.seconds += 60
    guesses.check("a")


def test_fault_83_addresses_are_forgotten_so_that_memory_stays_flat() -> None:
    guesses = Guesses(Clock())
    for number in range(20_000):
        guesses.failed(str(number))
    assert len(guesses._failed) == 10_000


# --- Sizes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{"X-Long": "x" * 10_000}, {f"X-{number}": "x" for number in range(101)}],
    ids=["10,000 bytes", "101 headers"],
)
def test_fault_73_too_large_a_head_is_431(client: TestClient, headers: Headers) -> None:
    assert client.get(HEALTH, headers=headers).status_code == 431


def test_fault_73_too_long_an_address_is_431(client: TestClient) -> None:
    assert client.get(HEALTH, params={"q": "x" * 10_000}).status_code == 431


def test_fault_73_too_large_a_body_is_413(client: TestClient) -> None:
    assert client.post("/sign-in", content=b"x" * (1024 * 1024 + 1)).status_code == 413


def test_fault_73_a_body_that_does_not_say_how_large_it_is_is_413(client: TestClient) -> None:
    pieces = (b"x" * 65536 for _ in range(17))
    assert client.post("/sign-in", content=pieces).status_code == 413


def test_a_request_that_says_its_length_in_two_ways_is_refused(client: TestClient) -> None:
    headers = {"Content-Length": "2", "Transfer-Encoding": "chunked"}
    answer = client.post("/sign-in", content=b"{}", headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (400, "close")


def test_a_body_of_the_measure_is_read(client: TestClient) -> None:
    assert client.post("/sign-in", content=b"x" * (1024 * 1024)).status_code == 403


def test_fault_73_a_body_that_does_not_come_is_408() -> None:
    assert asyncio.run(_status_for_a_slow_body()) == 408


async def _status_for_a_slow_body() -> int:
    async def receive() -> Message:
        await asyncio.Event().wait()  # for ever
        raise AssertionError

    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(scope, receive, send)

    scope = {"type": "http", "method": "POST", "headers": [], "query_string": b""}
    await Sizes(app, body_seconds_max=0.01)(scope, receive, send)
    return int(told[0]["status"])


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
def test_fault_73_a_head_that_does_not_come_is_408(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS_MAX", 0.05)
    assert asyncio.run(_answer_to(sent)).startswith(b"HTTP/1.1 408 ")


def test_fault_73_the_next_head_of_a_connection_has_no_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS_MAX", 0.05)
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = asyncio.run(_answer_to(request, b"GET /"))
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"204", b"408"]


async def _answer_to(*sent: bytes) -> bytes:
    """All that comes back until the server closes the connection; each piece is sent after an answer."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(app, http=HttpProtocol, log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpProtocol(config, state, {}), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        told = b""
        for piece in sent[:-1]:
            writer.write(piece)
            told += await reader.readuntil(b"\r\n\r\n")
        writer.write(sent[-1])
        told += await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await writer.wait_closed()
    return told


# --- Hosts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "[::1]evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8620",
        "",
        "10.0.0.1",
    ],
)
def test_a_request_for_another_host_is_421(client: TestClient, host: str) -> None:
    assert client.get(HEALTH, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8620", "127.0.0.1:1", "[::1]:8620", "LOCALHOST"])
def test_this_machine_goes_by_its_own_names(client: TestClient, host: str) -> None:
    assert client.get(HEALTH, headers={"Host": host}).status_code == 200


def test_a_server_goes_by_the_names_it_was_given(engine: Engine) -> None:
    app = make_app(Web(Settings(web_hosts=("Jobs.example.com",)), engine))
    with TestClient(app, base_url="https://jobs.example.com") as client:
        assert client.get(HEALTH).status_code == 200


def test_a_probe_may_call_it_by_the_address_it_was_reached_at(engine: Engine) -> None:
    app = make_app(Web(Settings(), engine))
    with TestClient(app, base_url="http://10.0.0.5:8620") as client:
        assert client.get(HEALTH).status_code == 200


# --- Answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [HEALTH, "/sign-in", "/api/v1/status", "/nowhere"])
def test_every_answer_tells_browsers_to_run_nothing_of_others(
    client: TestClient, path: str
) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("accepted", ["application/json", "text/html"])
def test_a_mistake_of_the_server_tells_browsers_no_less_and_nothing_of_itself(
    engine: Engine, sign: Callable[..., Headers], accepted: str
) -> None:
    headers = {**sign("viewer"), "Accept": accepted}
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE jobrunner.tokens CASCADE"))
    app = make_app(Web(Settings(), engine))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        answer = client.get("/queues", headers=headers)
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["cache-control"] == "no-store"
    assert "Something is wrong here." in answer.text
    assert "tokens" not in answer.text
