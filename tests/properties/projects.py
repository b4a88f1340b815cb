"""Random whole projects: a project file and job files, with all that makes one job of several layers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import strategies as st

from jobrunner.spec.parse import ParsedProject, parse_project
from jobrunner.spec.project import Given
from jobrunner.spec.yaml import SourceFile

Tree = dict[str, Any]
ENVIRONMENT = "prod"

_NAMES = st.sampled_from(["a", "b", "c", "d-1"])
_TEXTS = st.sampled_from(["plain", "${WHO}", "of ${WHO:-nobody}", "ü ${WHERE}", "$$5"])
_SCHEDULES = st.sampled_from(
    [
        {"cron": "30 5 * * 1-5", "timezone": "Europe/Berlin"},
        {"cron": "H H * * *", "jitter": "10m"},
        {"every": "90m"},
        {"rrule": "FREQ=MONTHLY;BYDAY=2TU", "dtstart": "2026-01-13T09:00:00"},
        {"at": ["2027-02-01T00:00:00Z"], "enabled": False},
        {"solar": {"event": "sunset", "latitude": 52.5, "longitude": 13.4}},
        {"cron": "0 3 * * *", "exclude": ["2026-12-24/2027-01-01"], "kwargs": {"on": True}},
    ]
)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "queue": _NAMES,
    "timeout": st.sampled_from(["90s", "2h"]),
    "priority": st.integers(0, 9),
    "retry": st.sampled_from([3, {"max_retries": 2, "delay": "5s"}]),
    "catch_up": st.sampled_from(["all", {"policy": "skip"}]),
    "overlap": st.sampled_from(["skip", "allow", "queue"]),
    "enabled": st.booleans(),
    "description": _TEXTS,
    "owner": _TEXTS,
    "tags": st.lists(_NAMES, max_size=2, unique=True),
    "kwargs": st.dictionaries(
        _NAMES, st.sampled_from([1, 1.5, True, None, "${WHO}", [1, {"deep": "x"}]]), max_size=3
    ),
}
LAYERS = st.fixed_dictionaries({}, optional=_FIELDS)
_NOTIFIERS = st.dictionaries(
    _NAMES,
    st.sampled_from(
        [
            {"url": {"secret": "env:HOOK"}},
            {"url": "https://a.example/in"},
            {"url": "https://${WHO}.example"},
        ]
    ),
    max_size=3,
)
_TEMPLATES = st.fixed_dictionaries(
    {"low": LAYERS, "high": LAYERS.map(lambda layer: layer | {"extends": "low"})}
)
_JOBS = st.dictionaries(
    _NAMES,
    st.fixed_dictionaries(
        {"task": st.sampled_from(["acme.tasks.run", "acme.tasks:other"])},
        optional={
            **_FIELDS,
            "extends": st.sampled_from(["low", "high", ["high", "low"]]),
            "matrix": st.just({"region": ["eu", "us"], "batch": [1, 2]}),
            "schedules": st.dictionaries(_NAMES, _SCHEDULES, max_size=2),
            "x-note": _TEXTS,
        },
    ),
    max_size=3,
)


@dataclass(frozen=True)
class Files:
    """What is written into the files, as trees."""

    config: Tree
    jobs: Mapping[str, Tree]
    """Path → the only document of the file."""


@st.composite
def projects(draw: st.DrawFn, name: str = "acme") -> Files:
    """One that is valid, whichever parts it has."""
    config = {
        "version": 1,
        "project": name,
        "defaults": draw(LAYERS),
        "templates": draw(_TEMPLATES),
        "notifiers": draw(_NOTIFIERS),
        "environments": {
            ENVIRONMENT: {"vars": {"WHO": "ada", "WHERE": "here"}, "defaults": draw(LAYERS)}
        },
        "x-anything": draw(_TEXTS),
    }
    files = {
        f"jobs.d/{space}.yaml": {
            "version": 1,
            "namespace": f"{name}-{space}",
            "defaults": draw(LAYERS),
            "jobs": draw(_JOBS),
        }
        for space in ("one", "two")
    }
    return Files(config, files)


def with_defaults(files: Files, *, environment: Tree, file: Tree) -> Files:
    """The same with these defaults of the environment, and these in each file."""
    chosen = {**files.config["environments"][ENVIRONMENT], "defaults": environment}
    return Files(
        {**files.config, "environments": {ENVIRONMENT: chosen}},
        {path: {**tree, "defaults": file} for path, tree in files.jobs.items()},
    )


@st.composite
def edits(draw: st.DrawFn, files: Files) -> Files:
    """The same files after one small edit of one job, of the kind that a review is about; the same where
    there is no job.
    """
    jobs = [(path, name) for path, tree in files.jobs.items() for name in tree["jobs"]]
    if not jobs:
        return files
    path, name = draw(st.sampled_from(jobs))
    job = dict(files.jobs[path]["jobs"][name])
    key = draw(st.sampled_from([*_EDITED, "one schedule"]))
    if key != "one schedule":
        job[key] = draw(_EDITED[key])
    elif job.get("schedules"):
        which = draw(st.sampled_from(sorted(job["schedules"])))
        edited = {**job["schedules"][which], **draw(_OF_A_SCHEDULE)}
        job["schedules"] = {**job["schedules"], which: edited}
    tree = files.jobs[path]
    return replace(files, jobs={**files.jobs, path: {**tree, "jobs": {**tree["jobs"], name: job}}})


_OF_A_SCHEDULE: st.SearchStrategy[Tree] = st.sampled_from(
    [{"enabled": False}, {"enabled": True}, {"kwargs": {"on": 1}}, {"jitter": "3m"}, {"queue": "a"}]
)
_EDITED: dict[str, st.SearchStrategy[Any]] = {
    **_FIELDS,
    "task": st.sampled_from(["acme.tasks.run", "acme.tasks:other", "acme.tasks.new"]),
    "schedules": st.dictionaries(_NAMES, _SCHEDULES, max_size=2),
}


def parse_files(files: Files, random: Random | None = None) -> ParsedProject:
    """As the environment `prod` reads it; with `random` written in another way that says the same."""
    sources = [SourceFile(path, _text(tree, random)) for path, tree in files.jobs.items()]
    if random is not None:
        names = [f"jobs.d/{random.randrange(10**6)}-{number}.yml" for number in range(len(sources))]
        sources = [SourceFile(path, one.content) for path, one in zip(names, sources, strict=True)]
        random.shuffle(sources)
    config = SourceFile("jobrunner.yaml", _text(files.config, random))
    parsed = parse_project(config, sources, given=Given(ENVIRONMENT))
    assert parsed.diagnostics == ()
    return parsed


def _text(tree: Tree, random: Random | None) -> bytes:
    if random is None:
        return json.dumps(tree, ensure_ascii=False).encode()
    return random.choice(["\n", "\r\n", "\r"]).join(_lines(tree, random, "")).encode()


def _lines(tree: Tree, random: Random, indent: str) -> list[str]:
    """Block style, with keys in any order and here and there a comment, a blank line or quotes."""
    lines = []
    for key in random.sample(list(tree), len(tree)):
        value = tree[key]
        named = random.choice([key, json.dumps(key), f"'{key}'"])
        lines += random.choice([[], [], [""], [f"{indent}# {key}: nothing"]])
        if isinstance(value, dict) and value:
            lines += [f"{indent}{named}:", *_lines(value, random, f"{indent}  ")]
        else:
            told = json.dumps(value, ensure_ascii=random.random() < 0.5)
            lines.append(f"{indent}{named}: {told}{random.choice(['', '  # why'])}")
    return lines
