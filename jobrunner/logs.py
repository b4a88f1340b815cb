"""How the processes log: events, a short fixed message and fields. Configured once, by an entry."""

import logging
import sys
from typing import Any, NoReturn, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from jobrunner.errors import JobrunnerError

_OURS = ("jobrunner", "celery")
# Celery's line for each message and each task: a run has its own two events.
_TOO_CHATTY = ("celery.worker.strategy", "celery.app.trace", "celery.redirected", "kombu")
_LEVEL_CHARACTERS = len("exception")
_EVENT_CHARACTERS = 24
_COLUMNS = {"timestamp", "level", "event", "logger"}
_DRAWN_APART = {"exc_info", "exception", "stack", "logger_name"}
_QUOTED = set(" \t=\r\n\"'")


def configure_logging(log_format: str, *, level: int = logging.INFO) -> None:
    """Events of the product at `level`, warnings of everything else, on stderr.

    `log_format` is `console` for people or `json`, one object a line. Fields of an event and the
    `extra` of a plain log record look the same in both.
    """
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(_formatter(log_format))
    handler.addFilter(_is_ours_or_a_warning)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _TOO_CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        # Through the standard library: its locks are made anew in a forked child.
        logger_factory=structlog.stdlib.LoggerFactory(),
        # An event below the level, such as one at the start of each run, costs next to nothing.
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def refuse_to_start(error: JobrunnerError) -> NoReturn:
    """End a process of Celery's as a command ends: the sentence on stderr, the error's exit code.

    Celery knows nothing of our errors: it would show a traceback, or try again for ever.
    """
    hint = f"\n  → {error.hint}" if error.hint else ""
    sys.stderr.write(f"error: {error.message}{hint}\n")
    raise SystemExit(error.exit_code) from error


def plain_formatter() -> logging.Formatter:
    """Lines without colour, as they are kept with a run."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared_processors(), structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _console(colors=False, pad_event_to=0),
        ],
    )


def _formatter(log_format: str) -> logging.Formatter:
    is_terminal = sys.__stderr__ is not None and sys.__stderr__.isatty()
    rendering: list[Processor]
    if log_format == "json":
        rendering = [structlog.processors.format_exc_info]
        rendering.append(structlog.processors.JSONRenderer(default=str))
    elif is_terminal:
        rendering = [_console(colors=True, pad_event_to=_EVENT_CHARACTERS)]
    else:
        rendering = [_plain_line]
    return _Formatter(
        foreign_pre_chain=[*_shared_processors(), structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """The same lines without a copy of each record: a worker writes one for each run, and what it
    spends on that line is a good part of what it spends on the run.
    """

    def format(self, record: logging.LogRecord) -> str:
        if "_logger" not in vars(record):  # of somebody who does not log through structlog
            return super().format(record)
        event: Any = dict(cast("EventDict", record.msg))  # a renderer may take it apart
        _, *rendering = self.processors  # the first removes what the usual way adds
        for process in rendering:
            event = process(None, "", event)
        return str(event)


def _plain_line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """What structlog's own renderer makes of an event, at a fraction of its cost."""
    if not event.keys() >= _COLUMNS or not _DRAWN_APART.isdisjoint(event):
        return _STRUCTLOGS_OWN(logger, name, event)
    fields = [f" {key}={_shown(event[key])}" for key in sorted(event.keys() - _COLUMNS)]
    return (
        f"{event['timestamp']} [{event['level']:{_LEVEL_CHARACTERS}}] "
        f"{event['event']!s:{_EVENT_CHARACTERS}} [{event['logger']}]{''.join(fields)}"
    )


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value if _QUOTED.isdisjoint(value) else repr(value)
    return repr(value)


def _console(*, colors: bool, pad_event_to: int) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=colors,
        pad_event_to=pad_event_to,
        pad_level=pad_event_to > 0,
        # The default draws the local variables of each frame: secrets would be among them.
        exception_formatter=structlog.dev.plain_traceback,
    )


_STRUCTLOGS_OWN = _console(colors=False, pad_event_to=_EVENT_CHARACTERS)


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _is_ours_or_a_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.startswith(_OURS)
