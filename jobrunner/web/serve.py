"""The process `jobrunner web`: where it listens, and when it refuses to."""

import ipaddress
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from jobrunner.db.engine import transaction
from jobrunner.db.processes import SIGN_OF_LIFE_SECONDS
from jobrunner.db.tokens import has_good_token
from jobrunner.errors import UsageError
from jobrunner.web.context import Web
from jobrunner.web.http_protocol import HttpProtocol
from jobrunner.web.sign_of_life import SignOfLife

_HEAD_BYTES_MAX = 32 * 1024
"""Beyond that it is not even parsed; `gate.sizes` says of less what is wrong with it."""
_KEEP_ALIVE_SECONDS = 20
_GRACE_SECONDS = 5


def check_access(web: Web, host: str) -> None:
    """Raise UsageError where strangers could reach an app that nobody guards, or that nobody can use."""
    if is_loopback(host):
        return
    if web.is_open:
        raise UsageError(
            f"--open on {host} would let everybody in.",
            hint="Leave out --open, or listen on 127.0.0.1.",
        )
    if web.settings.jwt_key or web.settings.jwt_jwks:
        return
    with transaction(web.engine) as connection:
        if not has_good_token(connection):
            raise UsageError(
                f"Nobody could sign in: {host} is not this machine alone, and there is no token.",
                hint="Make one with `jobrunner token create NAME --role admin`.",
            )


def serve(
    app: FastAPI, sign_of_life: SignOfLife, *, host: str, port: int, ready: Callable[[str], None]
) -> None:
    """Answer until SIGTERM or Ctrl-C; `ready` gets the address when requests are taken.

    Port 0 takes a free one. Raises UsageError for an address that cannot be had.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # whose word counts is decided by `web_proxies`
        http=HttpProtocol,
        ws="none",
        h11_max_incomplete_event_size=_HEAD_BYTES_MAX,
        callback_notify=sign_of_life.turned,
        timeout_notify=SIGN_OF_LIFE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    name = f"[{host}]" if ":" in host else host
    # The server ends in good order, and then sends itself the signal that it has caught.
    signal.signal(signal.SIGTERM, _end_well)
    ready(f"http://{name}:{listener.getsockname()[1]}")
    _Server(config, sign_of_life).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, sign_of_life: SignOfLife) -> None:
        super().__init__(config)
        self._sign_of_life = sign_of_life

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Here, because `run` ends by the signal itself, once more."""
        await super().shutdown(sockets)
        self._sign_of_life.stop()


def _end_well(*_: object) -> NoReturn:
    sys.exit(0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By this protocol asyncio knows TCP, and sends each part at once; else a client that delays its
    # acknowledgement waits 40 ms for the body.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)  # from here on a request waits instead of being refused
    except OSError as error:
        listener.close()
        raise UsageError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            hint="Choose another with --host and --port; --port 0 takes a free one.",
        ) from error
    return listener


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
