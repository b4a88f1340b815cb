"""A RabbitMQ of the system, on ports and in a folder of its own (`apt-get install rabbitmq-server`)."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from kombu import Connection
from kombu.exceptions import KombuError

from jobrunner.embedded.account import Account, server_account
from jobrunner.embedded.children import Supervisor
from jobrunner.embedded.program import Program
from tests.waiting import wait_until

PASSWORD = "p@ss/w:rd%41?"  # noqa: S105  of a server that lives as long as a test
_HOST = "127.0.0.1"
_LIBRARY = Path("/usr/lib/rabbitmq/lib")
_CONFIGURATION = f"""\
default_user = jobs
default_pass = {PASSWORD}
default_vhost = /
disk_free_limit.absolute = 1MB
vm_memory_high_watermark.absolute = 256MB
consumer_timeout = 3000
"""
# Only here it can be said how often that time-out is looked at: once a minute, if nobody says.
_LOOK_OFTEN = "[{rabbit, [{channel_tick_interval, 500}]}].\n"


@contextmanager
def open_rabbitmq() -> Iterator[str]:
    """Its URL, for a user with every right. Ended, with Erlang's own register of names, at the end."""
    account = server_account()
    with tempfile.TemporaryDirectory(prefix="jobrunner-rabbit-") as parent, Supervisor() as started:
        Path(parent).chmod(0o711)
        folder = Path(parent) / "data"
        account.make_folder(folder)
        configuration = Path(parent) / "rabbitmq.conf"
        configuration.write_text(_CONFIGURATION, encoding="utf-8")
        advanced = Path(parent) / "advanced.config"
        advanced.write_text(_LOOK_OFTEN, encoding="utf-8")
        names_port, amqp_port, nodes_port = (_free_port() for _ in range(3))
        # Left to itself, RabbitMQ leaves this one behind.
        names = ("/usr/bin/epmd", "-address", _HOST, "-port", str(names_port))
        started.start(_program(account, folder, names, {"ERL_EPMD_PORT": str(names_port)}))
        wait_until(lambda: _is_open(names_port))
        environment = {
            "ERL_EPMD_PORT": str(names_port),
            "HOME": str(folder),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(advanced),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_NODENAME": "jobrunner@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": _HOST,
            "RABBITMQ_NODE_PORT": str(amqp_port),
            "RABBITMQ_DIST_PORT": str(nodes_port),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            # One scheduler, which does not spin while it waits.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }
        started.start(_program(account, folder, (str(_server()),), environment))
        url = f"amqp://jobs:{quote(PASSWORD, safe='')}@{_HOST}:{amqp_port}//"
        wait_until(lambda: _answers(url), timeout_seconds=90)
        yield url


def _server() -> Path:
    # Not the one on the path: that changes to a user of its own, and reads the system's settings.
    found = sorted(_LIBRARY.glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not found:
        pytest.exit("RabbitMQ is not installed. apt-get install rabbitmq-server", returncode=1)
    return found[-1]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
    return port


def _program(
    account: Account, folder: Path, argv: tuple[str, ...], environment: dict[str, str]
) -> Program:
    return Program(
        name=argv[0],
        argv=argv,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **environment},
        cwd=str(folder),
        stage=0,
        stop_timeout_seconds=10.0,
        user_id=account.user_id,
        group_id=account.group_id,
        log_file=str(folder / f"{Path(argv[0]).name}.log"),
    )


def _is_open(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex((_HOST, port)) == 0


def _answers(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1)
    except (KombuError, OSError):
        return False
    return True
