"""What came of a call: a result, an exception, a request to end; in words that can be stored.

Whatever the callable does is an outcome here, and no exception.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # newer than its stubs
from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import Ignore, Retry
from celery.utils.time import maybe_make_aware
from pydantic_core import to_jsonable_python
from sqlalchemy.exc import DBAPIError

from jobrunner.call import Interruption, RunCancelled
from jobrunner.callables import load_callable
from jobrunner.command import CommandFailed
from jobrunner.db.attempts import Ending
from jobrunner.errors import CallableError
from jobrunner.masking import Masker
from jobrunner.run import Outcome
from jobrunner.spec.durations import LONGEST, format_duration

RESULT_BYTES_MAX = 256 * 1024
TRACEBACK_CHARACTERS_MAX = 64 * 1024
ERROR_CHARACTERS_MAX = 1_000

Mask = Callable[[str], str]
"""Replaces each secret in a text."""


@dataclass(frozen=True, slots=True)
class Called:
    """What came of the call."""

    outcome: Outcome
    result: str | None = None
    """JSON text."""
    error: str | None = None
    """One line."""
    error_type: str | None = None
    error_types: tuple[str, ...] = ()
    """Dotted names of the exception's class and its bases, nearest first."""
    traceback: str | None = None
    retry_in: timedelta | None = None
    """The callable itself has asked to be called again, after so long."""
    leave: SystemExit | None = None
    """The process was told to end in the middle; to be raised again after the end is written."""


def refused(problem: str) -> Called:
    """The definition cannot be read: trying again cannot help."""
    return Called(Outcome.REFUSED, error=line(problem), error_type="definition")


def returned(value: object, masker: Masker) -> Called:
    """A result that cannot be kept leaves the run succeeded, with a note where errors stand.

    Kept is what JSON can hold, and what has one usual form in it: dates, times, UUIDs, paths and
    Decimals as text, an enum as its value, a set as a list, a dataclass or model as an object.
    """
    try:
        result = masker.json(_as_json(value))
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # noqa: BLE001  a model's serializer is the user's code
        note = f"the result is no JSON and was not kept: {error}"
        return Called(Outcome.SUCCEEDED, error=line(masker.text(note)))
    if len(result) > RESULT_BYTES_MAX:
        note = f"the result is {len(result):,} bytes of JSON; its first 128 KiB are kept as text"
        cut = json.dumps(result[: RESULT_BYTES_MAX // 2])
        return Called(Outcome.SUCCEEDED, result=cut, error=note)
    return Called(Outcome.SUCCEEDED, result=None if value is None else result)


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except TypeError:
        if isinstance(value, Iterator):
            # To read it would be to do the callable's work, past its own end.
            raise
        return json.dumps(to_jsonable_python(value), allow_nan=False)


def unloadable(error: CallableError, mask: Mask) -> Called:
    """There is nothing to call, or not with these arguments; a newer deployment may have it."""
    kinds = {"missing": "callable_missing", "import": "import_error", "secret": "secret_missing"}
    may_help_later = error.kind in kinds
    return Called(
        Outcome.FAILED if may_help_later else Outcome.REFUSED,
        error=line(mask(f"{error.message} {error.hint}")),
        error_type=kinds.get(error.kind, error.kind),
        error_types=_class_names(error.__cause__ or error),
        traceback=_traceback(error.__cause__, mask) if error.__cause__ is not None else None,
    )


def raised(
    error: BaseException, interruption: Interruption | None, soft_limit: timedelta, mask: Mask
) -> Called:
    """An exception of the callable, or one that asked it to end."""
    is_stopped = isinstance(error, SoftTimeLimitExceeded | RunCancelled) or (
        interruption is not None and _class_names(error)[0] == "asyncio.exceptions.CancelledError"
    )
    if isinstance(error, SystemExit) and terminate_handler_fired():
        told = "the worker was told to stop in the middle of the run"
        return Called(Outcome.LOST, error=told, error_type="lost", leave=error)
    if isinstance(error, CommandFailed):
        return Called(
            Outcome.FAILED, error=str(error), error_type="command", error_types=_class_names(error)
        )
    if isinstance(error, Ignore):
        return Called(Outcome.SUCCEEDED)
    if isinstance(error, Retry):
        return _again(error, mask)
    if is_stopped and interruption is Interruption.CANCEL:
        return Called(Outcome.CANCELLED, error="cancelled while running", error_type="cancelled")
    if is_stopped:
        return Called(
            Outcome.TIMED_OUT,
            error=f"not ended within its soft time limit of {format_duration(soft_limit)}",
            error_type="timeout",
            error_types=_class_names(error),
            traceback=_traceback(error, mask),
        )
    names = _class_names(error)
    return Called(
        Outcome.FAILED,
        error=line(mask(f"{type(error).__qualname__}: {_message(error)}")),
        error_type=names[0].removeprefix("builtins."),
        error_types=names,
        traceback=_traceback(error, mask),
    )


def _again(asked: Retry, mask: Mask) -> Called:
    """Celery's `self.retry` and `autoretry_for`."""
    retry_in = _wait(asked.when)
    cause = asked.exc if isinstance(asked.exc, BaseException) else asked
    names = _class_names(cause)
    why = "" if cause is asked else f", after {type(cause).__qualname__}: {_message(cause)}"
    return Called(
        Outcome.AGAIN,
        error=line(mask(f"asked to be tried again in {format_duration(retry_in)}{why}")),
        error_type=names[0].removeprefix("builtins."),
        error_types=names,
        traceback=_traceback(asked, mask),
        retry_in=retry_in,
    )


def _wait(when: Any) -> timedelta:
    """From a countdown in seconds or a time; one without a zone is in UTC. Never negative."""
    if isinstance(when, datetime):
        when = (maybe_make_aware(when) - datetime.now(UTC)).total_seconds()
    return timedelta(seconds=min(max(float(when or 0), 0.0), LONGEST.total_seconds()))


def _class_names(error: BaseException) -> tuple[str, ...]:
    """The class and its bases, as `retry.for` may name them, nearest first; each by where it is made and
    then by where its package shows it: people import `requests.ConnectionError` and never see the
    `requests.exceptions` in between.
    """
    return tuple(
        _storable(f"{module}.{cls.__qualname__}")
        for cls in type(error).__mro__
        if cls is not object
        for module in _modules_of(cls)
    )


def _modules_of(cls: type) -> Iterator[str]:
    """That of the class, and the packages around it that have it under its own name, innermost first."""
    module = str(cls.__module__)
    yield module
    while "." in module:
        module = module.rpartition(".")[0]
        if vars(sys.modules.get(module) or object).get(cls.__qualname__) is cls:
            yield module


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as failure:
        if isinstance(failure, SystemExit) and terminate_handler_fired():
            raise
        return f"<its text cannot be made: {type(failure).__name__}>"


def _traceback(error: BaseException, mask: Mask) -> str:
    """From the user's first frame on, cut in the middle of nowhere rather than at its end."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_ours(trace):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    return _storable(mask("".join(lines))[-TRACEBACK_CHARACTERS_MAX:])


_OWN_FOLDER = f"{Path(load_callable.__code__.co_filename).parent}{os.sep}"


def _is_ours(trace: TracebackType) -> bool:
    """Our own frames, and those of the import machinery between them and the user's module."""
    file = trace.tb_frame.f_code.co_filename
    return file.startswith(_OWN_FOLDER) or "importlib" in file


def without_result(ending: Ending, error: DBAPIError) -> Ending:
    """The same end, for a result that PostgreSQL has refused; a note says so."""
    note = line(f"the result cannot be stored: {error.orig}")
    return Ending(ending.state, ending.attempt_state, ending.retry_in, error=note)


def line(told: str) -> str:
    """The first line, cut, as PostgreSQL can hold it."""
    first = told.strip().partition("\n")[0]
    return _storable(first[:ERROR_CHARACTERS_MAX])


def _storable(told: str) -> str:
    """What PostgreSQL's text can hold: no NUL, no half of a surrogate pair."""
    return told.replace("\x00", "\ufffd").encode("utf-8", "backslashreplace").decode("utf-8")
