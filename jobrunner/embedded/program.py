"""What the supervisor is asked to run. Standard library only: the supervisor starts in milliseconds."""

import json
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program: what to start, as whom, and how it ends."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    """The whole environment; nothing is inherited."""
    cwd: str
    stage: int = 1
    """When everything stops, programs of a higher stage have ended before a lower one is told to."""
    stop_signal: int = signal.SIGTERM
    stop_timeout_seconds: float = 2.5
    """After this the whole process group gets SIGKILL."""
    death_signal: int = signal.SIGKILL
    """Sent by Linux when the supervisor itself is killed."""
    user_id: int | None = None
    """Run as this user, with `group_id` as its only group; None is the starting user."""
    group_id: int | None = None
    log_file: str = ""
    """Where the output goes; '' sends it on line by line."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Program":
        return cls(**{**values, "argv": tuple(values["argv"])})


def encode_message(**fields: object) -> bytes:
    """One request or event as a line of JSON."""
    return json.dumps(fields).encode() + b"\n"


class LineBuffer:
    """Cuts a stream into lines; a line longer than `longest_bytes` is handed out in pieces."""

    def __init__(self, *, longest_bytes: int) -> None:
        self._longest_bytes = longest_bytes
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        *lines, rest = (self._rest + chunk).split(b"\n")
        while len(rest) >= self._longest_bytes:
            lines.append(rest[: self._longest_bytes])
            rest = rest[self._longest_bytes :]
        self._rest = rest
        return lines

    def finish(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
