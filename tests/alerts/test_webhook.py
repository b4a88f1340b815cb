"""What a web hook is sent, and what its answers mean."""

import hmac
from hashlib import sha256

import pytest

from jobrunner.notify.webhook import NotAccepted, Post, post
from tests.alerts.receivers import Receiver

KEY = "a key of thirty-two bytes or more"


def send(url: str, *, key: str = "", body: bytes = b'{"a": 1}') -> str:
    return post(
        url,
        Post(body, "message-1", key),
        now_seconds=1_795_262_400,
        timeout_seconds=5,
        allow_private=True,
    )


def test_it_is_a_post_of_json_to_the_whole_address(receiver: Receiver) -> None:
    assert send(f"http://127.0.0.1:{receiver.port}/in/here?to=x%20y") == "200 OK"
    (request,) = receiver.requests
    assert (request.target, request.body) == ("/in/here?to=x%20y", b'{"a": 1}')
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["idempotency-key"] == "message-1"


def test_a_signature_names_the_moment_and_covers_it_and_the_body(receiver: Receiver) -> None:
    send(receiver.url, key=KEY)
    signed = hmac.new(KEY.encode(), b'1795262400.{"a": 1}', sha256).hexdigest()
    assert receiver.requests[0].headers["jobrunner-signature"] == f"t=1795262400,v1={signed}"


def test_without_a_key_nothing_is_signed(receiver: Receiver) -> None:
    send(receiver.url)
    assert "jobrunner-signature" not in receiver.requests[0].headers


def test_a_user_of_the_address_is_named_to_the_server(receiver: Receiver) -> None:
    send(f"http://jobs:p%40ss@127.0.0.1:{receiver.port}/")
    assert receiver.requests[0].headers["authorization"] == "Basic am9iczpwQHNz"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Elsewhere", "308 Elsewhere"])
def test_fault_81_a_redirect_is_not_followed(receiver: Receiver, status: str) -> None:
    receiver.answer_with(status, f"Location: {receiver.url}/elsewhere")
    with pytest.raises(NotAccepted, match="redirects are not followed"):
        send(receiver.url)
    assert len(receiver.requests) == 1


def test_any_other_answer_is_told_with_its_beginning(receiver: Receiver) -> None:
    receiver.answer_with("503 Service Unavailable", body="come\nback later" + "x" * 9_000)
    with pytest.raises(NotAccepted, match=r"503 Service Unavailable: come back laterx+$"):
        send(receiver.url)


def test_what_is_no_web_server_is_told_of(receiver: Receiver) -> None:
    receiver.answer = b"+PONG\r\n"
    with pytest.raises(NotAccepted, match="as a web server does"):
        send(receiver.url)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "http:///", "file:///etc/passwd", "gopher://127.0.0.1:70/_x"]
)
def test_fault_81_only_web_hooks_are_called(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a web hook"):
        send(url)


@pytest.mark.parametrize("part", ["/a\r\nX: y", "/a b", "/\x00"])
def test_fault_76_an_address_adds_no_header(receiver: Receiver, part: str) -> None:
    with pytest.raises((OSError, ValueError)):
        send(f"http://127.0.0.1:{receiver.port}{part}\r\nEvil: 1 x")
    assert receiver.requests == []
