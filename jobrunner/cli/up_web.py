"""The pages of `jobrunner up`: where they are, and the one-time link to sign in."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec

from sqlalchemy import Engine

from jobrunner.cli.own_command import JOBRUNNER
from jobrunner.cli.style import style
from jobrunner.settings import Settings

HOST = "127.0.0.1"
_USUAL_PORT = 8620


def is_installed() -> bool:
    """Whether the extra `server` is there."""
    return all(find_spec(name) for name in ("fastapi", "jinja2", "uvicorn"))


def find_port() -> int:
    """The usual one of this machine's own address, or a free one where that is taken."""
    for port in (_USUAL_PORT, 0):
        with socket.socket() as tried, suppress(OSError):
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((HOST, port))
            return int(tried.getsockname()[1])
    return _USUAL_PORT


def web_arguments(port: int) -> Sequence[str]:
    """The command line of the process."""
    return (*JOBRUNNER, "web", "--host", HOST, "--port", str(port))


def web_banner(engine: Engine, settings: Settings, port: int, *, subject: str) -> Sequence[str]:
    """Where they are, with a link that is good once, for ten minutes. The extra `server` has to be there."""
    from jobrunner.web.sign_in_link import make_sign_in_link  # noqa: PLC0415  an extra

    address = f"http://{HOST}:{port}{settings.web_prefix}"
    return (
        f"  {style('pages', 'quiet')}     {address}",
        f"  {style('sign in', 'quiet')}   once, within ten minutes, by",
        f"  {make_sign_in_link(engine, address, subject=subject)}",
        "",
    )
