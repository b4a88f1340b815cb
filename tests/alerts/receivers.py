"""Receivers on this machine: a web server and a mail server that keep what they were sent."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    """What came over HTTP."""

    target: str
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A web server with one answer for everybody."""

    answer: bytes
    port: int = 0
    connections: int = 0
    drips: bool = False
    """Whether it sends the answer in such small pieces that it never ends."""
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    def answer_with(self, status: str, *headers: str, body: str = "") -> None:
        self.answer = answer_of(status, *headers, body=body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(Request(first.split()[1], headers, body))
        while self.drips:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)
        writer.write(self.answer)
        await writer.drain()


def answer_of(status: str, *headers: str, body: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


@contextmanager
def open_receiver() -> Iterator[Receiver]:
    """A web server that says `200 OK`."""
    receiver = Receiver(answer_of("200 OK"))
    with _serving(receiver.serve) as receiver.port:
        yield receiver


@contextmanager
def open_silent_receiver() -> Iterator[Receiver]:
    """One that takes what comes and never answers."""
    receiver = Receiver(b"")

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        await reader.read()

    with _serving(serve) as receiver.port:
        yield receiver


@dataclass
class MailServer:
    """Takes every letter, without TLS."""

    port: int = 0
    letters: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode():
            match line.split(maxsplit=1)[0].upper():
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    letter = await reader.readuntil(b"\r\n.\r\n")
                    self.letters.append(letter.decode())
                    writer.write(b"250 taken\r\n")
                case "RCPT":
                    self.recipients.append(line.partition(":")[2].split()[0])
                    writer.write(b"250 ok\r\n")
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 ok\r\n")
            await writer.drain()


@contextmanager
def open_mail_server() -> Iterator[MailServer]:
    server = MailServer()
    with _serving(server.serve) as server.port:
        yield server


@contextmanager
def _serving(serve: _Serve) -> Iterator[int]:
    """The port of a server on 127.0.0.1 that ends with the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):  # the other side has gone
                await serve(reader, writer)
        finally:
            writer.close()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(handle, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield server.sockets[0].getsockname()[1]
    asyncio.run_coroutine_threadsafe(_stop(server), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # a turn of the loop in which connections are closed
