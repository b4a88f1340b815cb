"""What a run prints and logs: caught in its process, bounded, cut into pieces to be stored.

The first 64 KiB and the last 1 MiB of an attempt are kept, however much it writes; between them
stands how much was cut. Here is only memory; `execute` stores the pieces.
"""

import codecs
import io
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jobrunner.descriptors import DescriptorPipe
from jobrunner.masking import MaskedStream, Masker

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 1024 * 1024
_PIECE_BYTES = 64 * 1024
_STDOUT, _STDERR = 1, 2


class Capture:
    """Leads what this process prints and logs to the run that is on. Made and installed once."""

    def __init__(self) -> None:
        self._recording: Recording | None = None
        self._pid = os.getpid()
        self._pipe: DescriptorPipe | None = None

    def install(self, formatter: logging.Formatter) -> None:
        """Take over stdout, stderr and the root logger; outside a run everything goes its old way."""
        sys.stdout = self._stream(_STDOUT)
        sys.stderr = self._stream(_STDERR)
        handler = _RecordingHandler(self)
        handler.setFormatter(formatter)
        logging.getLogger().addHandler(handler)

    def take_descriptors(self) -> None:
        """Take over descriptors 1 and 2 as well, for good: what subprocesses and C code write."""
        self._pipe = DescriptorPipe(self._take_piped)

    def after_fork(self) -> None:
        """In a process that was forked from the one this was made in: all that leads here, not there."""
        self._pid = os.getpid()
        if self._pipe is not None:
            self._pipe.reopen()

    @contextmanager
    def record(self, recording: "Recording") -> Iterator[None]:
        """Until the end of the block, output belongs to `recording`."""
        self.drain()  # what earlier runs have left behind may have written since
        self._recording = recording
        try:
            yield
        finally:
            if self._pipe is not None:
                self._pipe.flush()
            self.drain()
            self._recording = None
            if self._pipe is not None:
                self._pipe.put_in_place()

    def drain(self) -> None:
        """Take what has come through the descriptors until now: it was written before what follows."""
        if self._pipe is not None:
            self._pipe.drain()

    def real(self, descriptor: int) -> int:
        """Where output of this process goes that belongs to no run."""
        return descriptor if self._pipe is None else self._pipe.real(descriptor)

    def current(self) -> "Recording | None":
        """The recording that is on. None in processes that a run has forked: nobody collects there."""
        recording = self._recording
        return recording if recording is not None and os.getpid() == self._pid else None

    def _take_piped(self, data: bytes) -> None:
        recording = self._recording
        if recording is not None:
            recording.write(data)
        else:
            _write_all(self.real(_STDERR), data)

    def _stream(self, descriptor: int) -> io.TextIOWrapper:
        return _Text(
            _Stream(self, descriptor),
            encoding="utf-8",
            errors="backslashreplace",
            write_through=True,
        )


class _Text(io.TextIOWrapper):
    """What a run detaches or closes serves the next one all the same."""

    def detach(self) -> Any:
        """Its own bytes, and it keeps them."""
        return self.buffer


class _Stream(io.RawIOBase):
    """Bytes for the recording that is on, or else for the descriptor it stands in for."""

    def __init__(self, capture: Capture, descriptor: int) -> None:
        super().__init__()
        self._capture = capture
        self._descriptor = descriptor
        self.name = f"<run output {descriptor}>"

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open: another wrapper around it closes it when it is collected."""

    def fileno(self) -> int:
        """What a subprocess can be given: it leads to the run as well."""
        return self._descriptor

    def write(self, data: Any, /) -> int:
        """`data` is any buffer of bytes."""
        written = bytes(data)
        recording = self._capture.current()
        if recording is not None:
            self._capture.drain()
            recording.write(written)
        else:
            _write_all(self._capture.real(self._descriptor), written)
        return len(written)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class _RecordingHandler(logging.Handler):
    """Log lines of the run that is on; handlers that the user's code has added get theirs as well."""

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self._capture = capture

    def emit(self, record: logging.LogRecord) -> None:
        recording = self._capture.current()
        if recording is None:
            return
        try:
            line = self.format(record) + "\n"
        except Exception:  # noqa: BLE001  a log call with wrong arguments is the user's code
            self.handleError(record)
            return
        self._capture.drain()
        recording.write(line.encode("utf-8", "backslashreplace"))


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces to store, each its number and its text, and numbers of stored ones to delete."""

    pieces: tuple[tuple[int, str], ...]
    drop: tuple[int, ...]


class Recording:
    """The output of one attempt. Written by the run's threads, read by whoever stores it."""

    def __init__(
        self,
        on_write: Callable[[], None] = lambda: None,
        masker: Masker | None = None,
    ) -> None:
        self._on_write = on_write
        # Before anything is cut, which could leave a half of a secret that is no longer known as one.
        self._masked = MaskedStream(masker or Masker())
        self._lock = threading.Lock()
        self._written: deque[bytes] = deque()
        self._head = bytearray()
        self._head_room = HEAD_BYTES
        self._tail = bytearray()
        self._cut_bytes = 0
        self._next_number = 0
        self._notice_number: int | None = None
        self._noticed_bytes = 0
        self._stored: deque[tuple[int, int]] = deque()
        self._stored_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unconfirmed: Batch | None = None

    def write(self, data: bytes) -> None:
        """Take output, and forget the oldest beyond the bounds. It waits for nobody.

        A signal's handler may print in the middle of this very function. Whoever has the lock takes
        what the others have left for it.
        """
        self._written.append(data)
        while self._written and self._lock.acquire(blocking=False):
            try:
                self._take_over()
            finally:
                self._lock.release()
        self._on_write()

    def end(self) -> None:
        """No output comes any more: what was held back, as it might have become a secret, is none."""
        with self._lock:
            self._take_over()
            self._keep(self._masked.end())

    def _take_over(self) -> None:
        while self._written:
            self._keep(self._masked.feed(self._written.popleft()))

    def _keep(self, data: bytes) -> None:
        self._head += data[: self._head_room]
        rest = data[self._head_room :]
        self._head_room -= len(data) - len(rest)
        if rest:
            self._tail += rest[-TAIL_BYTES:]
            self._cut_bytes += max(len(rest) - TAIL_BYTES, 0)
            self._cut_tail()

    def batch(self) -> Batch | None:
        """What is to be stored now; None when nothing is. The same again until it is confirmed."""
        with self._lock:
            if self._unconfirmed is None:
                self._take_over()
                self._unconfirmed = self._take()
            return self._unconfirmed

    def confirm(self) -> None:
        """The last batch is stored."""
        with self._lock:
            self._unconfirmed = None

    def _cut_tail(self) -> None:
        excess = len(self._tail) - TAIL_BYTES
        if excess > 0:
            del self._tail[:excess]
            self._cut_bytes += excess

    def _take(self) -> Batch | None:
        pieces = [(self._number(), self._decode(part)) for part in _parts(bytes(self._head))]
        self._head.clear()
        drop: list[int] = []
        if self._tail:
            if self._notice_number is None:
                self._notice_number = self._number()  # kept free between the head and the tail
            fresh = _parts(bytes(self._tail))
            self._tail.clear()
            pieces += [self._tail_piece(part) for part in fresh]
            drop = self._outdated()
        if self._cut_bytes != self._noticed_bytes and self._notice_number is not None:
            self._noticed_bytes = self._cut_bytes
            pieces.append((self._notice_number, f"\n[{self._cut_bytes:,} bytes were cut here]\n"))
        return Batch(tuple(pieces), tuple(drop)) if pieces else None

    def _tail_piece(self, part: bytes) -> tuple[int, str]:
        number = self._number()
        self._stored.append((number, len(part)))
        self._stored_bytes += len(part)
        return number, self._decode(part)

    def _outdated(self) -> list[int]:
        numbers = []
        while self._stored_bytes - self._stored[0][1] >= TAIL_BYTES:
            number, size = self._stored.popleft()
            numbers.append(number)
            self._stored_bytes -= size
            self._cut_bytes += size
        return numbers

    def _number(self) -> int:
        number = self._next_number
        self._next_number += 1
        return number

    def _decode(self, part: bytes) -> str:
        # PostgreSQL's text holds everything but NUL.
        return self._decoder.decode(part).replace("\x00", "\ufffd")


def _parts(data: bytes) -> list[bytes]:
    return [data[start : start + _PIECE_BYTES] for start in range(0, len(data), _PIECE_BYTES)]
