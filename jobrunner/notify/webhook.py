"""A web hook: one POST to the machine that its name stood for when it was checked, and no further.

A name is resolved once. All that it stands for is checked, and one of these numbers is connected to, so
that a name cannot mean another machine a moment later. A redirect is an answer like any other.
"""

import hmac
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from jobrunner.notify.guard import check_address

SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}
_ANSWER_BYTES = 200

Resolve = Callable[[str, int], Sequence[tuple[Any, ...]]]
"""(host, port) → what `socket.getaddrinfo` returns."""


def resolve(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """What the name stands for now."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent."""

    body: bytes
    message_id: str
    """The same at each try."""
    signing_key: str = ""
    """'' signs nothing."""


class NotAccepted(OSError):
    """It was reached, and the answer is no 2xx."""


def post(
    url: str,
    content: Post,
    *,
    now_seconds: int,
    timeout_seconds: float,
    allow_private: bool = False,
    resolve: Resolve = resolve,
) -> str:
    """What came back, `200 OK`.

    Raises PrivateAddress before anything is connected to, NotAccepted, OSError when it cannot be
    reached in time, ValueError for an address that is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it is no address of a web hook")
    port = parts.port or _PORTS[parts.scheme]
    found = resolve(parts.hostname, port)
    if not allow_private:
        for *_, address in found:
            check_address(address[0])
    connection = _Pinned(parts, port, found, timeout_seconds)
    try:
        connection.request(
            "POST", _target(parts), body=content.body, headers=_headers(parts, content, now_seconds)
        )
        return _answer(connection.getresponse())
    except HTTPException as error:
        raise NotAccepted(f"it does not answer as a web server does ({error!r})") from error
    finally:
        connection.close()


def signature_of(body: bytes, key: str, now_seconds: int) -> str:
    """`t=1795262400,v1=…`: HMAC-SHA256 of `<t>.<body>`, so that nobody can send it again much later."""
    signed = f"{now_seconds}.".encode() + body
    return f"t={now_seconds},v1={hmac.new(key.encode(), signed, sha256).hexdigest()}"


class _Pinned(HTTPConnection):
    """Host and the name in the certificate stay those of the address."""

    def __init__(
        self, parts: SplitResult, port: int, found: Sequence[tuple[Any, ...]], timeout: float
    ) -> None:
        assert parts.hostname is not None  # noqa: S101  see post
        super().__init__(parts.hostname, port, timeout=timeout)
        self.default_port = _PORTS[parts.scheme]  # of which the Host header says nothing
        self._found = found
        self._is_encrypted = parts.scheme == "https"

    def connect(self) -> None:
        self.sock = self._connected()
        if self._is_encrypted:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def _connected(self) -> socket.socket:
        problem: OSError = OSError("the name stands for no machine")
        for family, kind, protocol, _, address in self._found:
            opened = socket.socket(family, kind, protocol)
            opened.settimeout(self.timeout)
            try:
                opened.connect(address)
            except OSError as error:
                opened.close()
                problem = error
            else:
                return opened
        raise problem


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult, content: Post, now_seconds: int) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "jobrunner",
        "Idempotency-Key": content.message_id,
    }
    if content.signing_key:
        headers["Jobrunner-Signature"] = signature_of(
            content.body, content.signing_key, now_seconds
        )
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(credentials.encode()).decode()}"
    return headers


def _answer(response: HTTPResponse) -> str:
    told = f"{response.status} {response.reason}".strip()
    if 200 <= response.status < 300:
        return told
    if 300 <= response.status < 400:
        raise NotAccepted(f"it answered {told}, and redirects are not followed")
    said = " ".join(response.read(_ANSWER_BYTES).decode("utf-8", "replace").split())
    raise NotAccepted(f"it answered {told}{f': {said}' if said else ''}")
