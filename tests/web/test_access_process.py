"""The real process, at the end of a real socket: what comes slowly, what does not end, who is let in."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest
from httpx2 import Client

from tests.project import Project, StartedProcess
from tests.waiting import wait_until

_KIBIBYTE = 1024


@dataclass(frozen=True)
class Server:
    """A `jobrunner web` that runs."""

    process: StartedProcess
    url: str

    def connect(self) -> socket.socket:
        """A connection on which nothing was sent yet."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return socket.create_connection((host, int(port)), timeout=30)

    @property
    def peak_memory_kibibytes(self) -> int:
        """The most it ever had."""
        told = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", told)
        assert found is not None
        return int(found[1])


@pytest.fixture
def server(project: Project) -> Server:
    process = project.start("web", "--port", "0")
    line = process.wait_for_line("jobrunner web: ")
    return Server(process, line.partition(": ")[2])


def _answer_on(connection: socket.socket) -> str:
    """The first line of what comes."""
    return connection.recv(4096).decode().partition("\r\n")[0]


def test_fault_73_a_body_without_an_end_is_413_and_memory_stays_flat(server: Server) -> None:
    with Client() as client:
        client.get(f"{server.url}/sign-in")
    before = server.peak_memory_kibibytes
    for _ in range(20):
        with server.connect() as connection:
            connection.sendall(
                b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
            connection.sendall(piece * 17)
            assert _answer_on(connection).startswith("HTTP/1.1 413 ")
    assert server.peak_memory_kibibytes - before < 16 * _KIBIBYTE


def test_fault_73_a_head_without_measure_is_refused(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1_000_000)
        assert re.match(r"HTTP/1.1 4\d\d ", _answer_on(connection))


def test_on_this_machine_a_link_signs_in(server: Server) -> None:
    told = server.process.wait_for_line("/sign-in/link/")
    link = told.rpartition(" ")[2]
    with Client() as browser:
        answer = browser.post(link, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303
        assert browser.get(f"{server.url}/api/v1/status").status_code == 200


def test_for_others_it_does_not_start_before_there_is_a_token(project: Project) -> None:
    refused = project.run("web", "--host", "0.0.0.0", "--port", "0")  # noqa: S104  that is the point
    assert refused.returncode == 64
    assert "jobrunner token create" in refused.stderr
    project.run("token", "create", "first", "--role", "admin")
    started = project.start("web", "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    started.wait_for_line("jobrunner web: ")


def test_it_is_among_the_processes_until_it_ends(project: Project, server: Server) -> None:
    wait_until(lambda: project.run("health", "web").returncode == 0, timeout_seconds=60)
    assert "● 1 at work: web@" in project.run("status").stdout
    server.process.stop()
    assert project.run("health", "web").returncode == 1


def test_told_to_end_it_ends_well(server: Server) -> None:
    server.process.terminate()
    assert server.process.wait() == 0
