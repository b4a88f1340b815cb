"""The keys of redbeat 2.4 in Redis as entries of beat."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from redis import Redis
from redis.exceptions import RedisError

from jobrunner.errors import BrokerUnavailable, UsageError, first_line
from jobrunner.importing.beat_entry import BeatEntry, read_entry
from jobrunner.importing.beat_schedule import iso
from jobrunner.importing.entries import Entry, Left

PREFIX = "redbeat:"
_OF_ITS_OWN = (":schedule", ":statics", ":lock")
_TIME_OUT_SECONDS = 5.0
_KEYS_AT_ONCE = 500
_UNIX_SOCKET = re.compile(r"redis\+socket://([^?]*)\?virtual_host=(\d+)")
"""As Celery writes it."""


@dataclass(frozen=True, slots=True)
class RedbeatKey:
    """A key below the prefix, and what it holds."""

    key: str
    kind: str
    """In Redis's words: `hash`."""
    definition: str | None
    meta: str | None


def read_redbeat(url: str, prefix: str = PREFIX) -> tuple[RedbeatKey, ...]:
    """All keys below the prefix but redbeat's own, in order; reads and never writes. Raises
    UsageError for what is no URL, BrokerUnavailable where Redis does not answer.
    """
    try:
        client = Redis.from_url(
            _UNIX_SOCKET.sub(r"unix://\1?db=\2", url),
            decode_responses=True,
            encoding_errors="replace",
            socket_timeout=_TIME_OUT_SECONDS,
            socket_connect_timeout=_TIME_OUT_SECONDS,
        )
    except ValueError:
        # The text itself is not quoted: it may hold a password.
        raise UsageError(
            "The Redis URL cannot be read.", hint="Write it as redis://:password@host:6379/0."
        ) from None
    try:
        with client:
            return tuple(_read(client, prefix))
    except (RedisError, OSError) as error:
        raise BrokerUnavailable(
            f"Redis cannot be read: {first_line(error).rstrip('.')}.",
            hint="Check --redis-url and that it is up.",
        ) from error


def _read(client: "Redis", prefix: str) -> Iterator[RedbeatKey]:
    pattern = "".join(f"\\{c}" if c in "*?[]\\" else c for c in prefix) + "*"
    own = {prefix + name for name in _OF_ITS_OWN}
    keys = sorted(set(client.scan_iter(match=pattern, count=_KEYS_AT_ONCE)) - own)
    for key in keys:
        kind = str(client.type(key))
        values = client.hmget(key, ["definition", "meta"]) if kind == "hash" else (None, None)
        yield RedbeatKey(key, kind, *values)


def redbeat_entries(keys: Sequence[RedbeatKey], timezone: str) -> Iterator[Entry]:
    """`timezone` is the app's, which crontabs are read in and no key tells."""
    for found in keys:
        if found.definition is None:
            yield Left(found.key, f"a {found.kind}", "it holds no definition of redbeat's")
            continue
        try:
            entry = read_entry(_entry(found, timezone))
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
            OverflowError,
        ) as error:
            reason = f"its definition cannot be read: {type(error).__name__}: {first_line(error)}"
            yield Left(found.key, found.definition, reason)
            continue
        yield entry


def _entry(found: RedbeatKey, zone: str) -> BeatEntry:
    told = json.loads(found.definition or "", object_hook=_moments)
    last_run_at = (
        json.loads(found.meta, object_hook=_moments).get("last_run_at") if found.meta else None
    )
    schedule = _schedule(told["schedule"])
    return BeatEntry(
        where=found.key,
        name=str(told["name"]),
        task=told["task"],
        args=told.get("args"),
        kwargs=told.get("kwargs"),
        options=told.get("options") or {},
        schedule=schedule,
        timezone=zone,
        enabled=bool(told.get("enabled", True)),
        notes=tuple(_notes(schedule, last_run_at)),
    )


def _notes(schedule: Mapping[str, Any], last_run_at: Any) -> Iterator[str]:
    if last_run_at is None:
        yield "it has never run there: redbeat runs such an entry at once, and then at its times"
    elif schedule["kind"] == "interval":
        anchor = iso(last_run_at)
        yield f'it last ran at {anchor}; anchor: "{anchor}" keeps its phase'


def _schedule(told: Mapping[str, Any]) -> dict[str, Any]:
    kind = told["__type__"]
    rest = {name: value for name, value in told.items() if name != "__type__"}
    match kind:
        case "interval":
            return {"kind": "interval", "seconds": rest["every"], "relative": rest.get("relative")}
        case "rrule":
            for name in ("dtstart", "until"):
                minutes = rest.pop(f"{name}_tz", 0) or 0
                if rest.get(name) is not None:
                    offset = timezone(timedelta(minutes=minutes))
                    rest[name] = datetime.fromtimestamp(rest[name], tz=offset)
            return {"kind": "rrule", **rest}
        case "crontab":
            return {"kind": "crontab", **rest}
        case _:
            return {"kind": "other", "text": str(kind)}


def _moments(told: dict[str, Any]) -> Any:
    """A moment in redbeat's own form; other types of its stay mappings."""
    if told.get("__type__") != "datetime":
        return told
    zone = told.get("timezone", "UTC")
    parts = {name: value for name, value in told.items() if name not in {"__type__", "timezone"}}
    return datetime(**parts, tzinfo=_zone(zone))


def _zone(told: Any) -> tzinfo:
    """It writes a name, or seconds."""
    return timezone(timedelta(seconds=told)) if isinstance(told, int | float) else ZoneInfo(told)
