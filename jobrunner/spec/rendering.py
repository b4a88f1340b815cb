"""Jobs as the text of a job file, with nothing left to inherit, to expand or to multiply."""

import json
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import yaml

from jobrunner.spec.characters import escaped
from jobrunner.spec.formatting import format_file
from jobrunner.spec.models import DefinedJob, JobSpec, ScheduleSpec, dump_job
from jobrunner.spec.scalars import AmbiguousNumberError, resolve_plain
from jobrunner.spec.secrets import hidden
from jobrunner.spec.yaml import SourceFile

_SIMPLE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_./@ -]*[A-Za-z0-9_./@-])?")
_EXPANDED = re.compile(r"\$(?=[${])")


def rendered(jobs: Iterable[DefinedJob], *, with_defaults: bool) -> list[dict[str, Any]]:
    """One document of a job file for each namespace, in the order of the addresses.

    Read again, they are the same definitions, but for what is hidden: arguments that a job names as
    `sensitive`. References to secrets stay references. `with_defaults`: also what is built in.
    """
    return [
        {
            "version": 1,
            "namespace": namespace,
            "jobs": {
                job.spec.name: _rendered_job(job.spec, with_defaults=with_defaults) for job in group
            },
        }
        for namespace, group in groupby(
            sorted(jobs, key=lambda job: job.address), key=lambda job: job.spec.namespace
        )
    ]


def as_yaml(documents: Iterable[dict[str, Any]]) -> str:
    """The text of a job file, in the form that `fmt` keeps. Every text that some reader takes for
    something else stands in quotes.
    """
    text = escaped(
        yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    )
    formatted = format_file(SourceFile("rendered.yaml", text.encode()))
    return text if formatted.text is None else formatted.text


class _Dumper(yaml.SafeDumper):
    """Without aliases: each job is whole."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = None if _is_simple(text) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def _is_simple(text: str) -> bool:
    try:
        return _SIMPLE.fullmatch(text) is not None and resolve_plain(text) == text
    except AmbiguousNumberError:
        return False


def _rendered_job(spec: JobSpec, *, with_defaults: bool) -> dict[str, Any]:
    values = dump_job(spec)
    schedules = {one["name"]: one for one in values["schedules"]}
    # A Celery task has values of its own for some keys, and a file that names them is refused.
    left_out = (*_GIVEN_ELSEWHERE, *(_OF_CELERY if spec.celery_task is not None else ()))
    shown = {
        key: hidden((key,), value, spec.sensitive)
        for key, value in _stated(values, {} if with_defaults else _BUILT_IN).items()
        if key not in left_out
    }
    if schedules:
        shown["schedules"] = {
            name: _rendered_schedule(one, spec, with_defaults=with_defaults)
            for name, one in schedules.items()
        }
    escaped: dict[str, Any] = _escaped(shown)
    return escaped


def _rendered_schedule(
    schedule: dict[str, Any], spec: JobSpec, *, with_defaults: bool
) -> dict[str, Any]:
    shown = _stated(schedule, {} if with_defaults else _BUILT_IN_SCHEDULE)
    del shown["name"]
    if schedule["args"] is not None:
        shown["args"] = schedule["args"]
    if schedule["kwargs"] is not None:
        wanted = hidden(("kwargs",), schedule["kwargs"], spec.sensitive)
        base = hidden(("kwargs",), spec.kwargs, spec.sensitive)
        # Where nothing differs, the same once more: the schedule has arguments of its own. Null has none.
        shown["kwargs"] = _over(base, wanted) or wanted or None
    return shown


_BUILT_IN = dump_job(JobSpec(namespace="default", name="default"))
_BUILT_IN_SCHEDULE = ScheduleSpec().model_dump(mode="json", by_alias=True) | {"name": None}
_GIVEN_ELSEWHERE = ("namespace", "name", "celery", "schedules")
_OF_CELERY = ("retry", "on_lost", "soft_timeout", "isolate")


def _stated(values: dict[str, Any], built_in: dict[str, Any]) -> dict[str, Any]:
    """What says something: neither nothing at all nor what a reader would fill in."""
    stated = {}
    for key, value in values.items():
        default = built_in.get(key)
        if value is None or value in ([], {}) or value == default:
            continue
        is_ours = isinstance(value, dict) and key in _MAPPINGS
        stated[key] = _stated(value, default or {}) if is_ours else value
    return {key: value for key, value in stated.items() if value != {}}


_MAPPINGS = ("retry", "catch_up", "dst", "solar")


def _over(base: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What makes `wanted` when it is merged over `base`: null removes."""
    over: dict[str, Any] = {name: None for name in base if name not in wanted}
    for name, value in wanted.items():
        below = base.get(name)
        if name in base and isinstance(value, dict) and isinstance(below, dict):
            if inner := _over(below, value):
                over[name] = inner
        elif name not in base or json.dumps(below) != json.dumps(value):
            over[name] = value
    return over


def _escaped(value: Any) -> Any:
    """Texts in which an expression would be read, with `$$` for the dollar sign."""
    match value:
        case str():
            return _EXPANDED.sub("$$", value)
        case dict():
            return {key: _escaped(item) for key, item in value.items()}
        case list() | tuple():
            return [_escaped(item) for item in value]
        case _:
            return value
