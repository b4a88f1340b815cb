"""Fault 81: no message goes to a machine that is not on the public network, however it is written."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobrunner.alerts.addresses import is_public
from jobrunner.notify.guard import PrivateAddress
from jobrunner.notify.webhook import Post, post
from tests.alerts.receivers import Receiver

POST = Post(b"{}", "id")

FORMS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "0x7F.0x0.0x0.0x1",
    "0",
    "0.0.0.0",  # noqa: S104  nothing is bound
    "0x0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "LocalHost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[fc00::1]",
    "[fec0::1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[5f00::1]",
    "168.63.129.16",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "user@127.0.0.1",
    "example.com@127.0.0.1",
]


@pytest.mark.parametrize("host", FORMS)
def test_fault_81_no_form_of_a_private_address_is_connected_to(
    host: str, receiver: Receiver
) -> None:
    with pytest.raises((PrivateAddress, socket.gaierror)):
        post(f"http://{host}:{receiver.port}/", POST, now_seconds=0, timeout_seconds=5)
    assert receiver.connections == 0


def test_the_same_address_is_reached_where_it_is_allowed(receiver: Receiver) -> None:
    said = post(receiver.url, POST, now_seconds=0, timeout_seconds=5, allow_private=True)
    assert (said, receiver.connections) == ("200 OK", 1)


@pytest.mark.parametrize("host", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1"])
def test_public_addresses_are_public(host: str) -> None:
    assert is_public(host)


def test_a_name_is_no_public_address() -> None:
    assert not is_public("example.com")


def test_fault_81_a_name_is_resolved_once_and_cannot_change_its_mind(receiver: Receiver) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1"])
    asked = []

    def resolve(host: str, port: int) -> list[tuple[object, ...]]:
        asked.append(host)
        address = (next(answers), port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address)]

    with pytest.raises(OSError, match=r".+"):
        post(
            f"http://rebind.example:{receiver.port}/",
            POST,
            now_seconds=0,
            timeout_seconds=0.2,
            resolve=resolve,
        )
    assert (asked, receiver.connections) == (["rebind.example"], 0)


def test_fault_81_one_private_number_of_a_name_is_enough_to_refuse_it(receiver: Receiver) -> None:
    def resolve(_: str, port: int) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port))
            for host in ("93.184.216.34", "127.0.0.1")
        ]

    with pytest.raises(PrivateAddress, match=r"127\.0\.0\.1 .* JOBRUNNER_ALERTS_ALLOW_PRIVATE=1"):
        post("http://two.example/", POST, now_seconds=0, timeout_seconds=5, resolve=resolve)
    assert receiver.connections == 0


GUARDED = """
import json, socket, sys
from jobrunner.notify.guard import refuse_private_connections
refuse_private_connections()
port, path, told = int(sys.argv[1]), sys.argv[2], []
def tried(attempt):
    try:
        attempt()
        told.append("went through")
    except OSError as error:
        told.append(type(error).__name__)
tried(lambda: socket.create_connection(("localhost", port)))
tried(lambda: socket.socket().connect(("127.0.0.1", port)))
tried(lambda: socket.socket().connect_ex(("127.0.0.1", port)))
tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)))
tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b"x"], (), 0, ("127.0.0.1", port)))
tried(lambda: socket.socket(socket.AF_UNIX).connect(path))
print(json.dumps(told))
"""


def test_fault_81_whatever_a_library_does_its_process_reaches_no_private_machine(
    receiver: Receiver, tmp_path: Path
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", GUARDED, str(receiver.port), str(tmp_path / "socket")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(told.stdout) == ["PrivateAddress"] * 6
    assert receiver.connections == 0
