"""What the source says of a task, without running it."""

from pathlib import Path

import pytest

from jobrunner.misfits import Problem
from jobrunner.source.tasks import TaskSources
from tests.check_tasks.conftest import Write

TASKS = """
from elsewhere import *
import functools
from datetime import date
from typing import TYPE_CHECKING, Literal, Optional

from celery import Celery, shared_task

from .app import app
from .books import close_books

if TYPE_CHECKING:
    from decimal import Decimal

raise SystemExit("this module is never run")


def plain(a: int, b: "Optional[date]" = None, *c: str, d: Literal["x"] = "x", **e) -> None: ...
async def coroutine(a): ...
alias = plain


@app.task
def of_an_app(a: int): ...


@app.task(bind=True, max_retries=3)
def bound_to_an_app(self, a: int): ...


@shared_task(bind=True)
def shared(self, a: int): ...


@functools.cache
def cached(a): ...


@unknown
def decorated(a): ...


class Runner:
    def __call__(self, a, *, b=1): ...

    @staticmethod
    def helper(a): ...

    def method(self, a): ...


def typed(amount: "Decimal"): ...


if date:
    def either(a): ...
else:
    def either(b): ...
"""


@pytest.fixture
def sources(tmp_path: Path, write: Write) -> TaskSources:
    write("billing/__init__.py", "")
    write("billing/tasks.py", TASKS)
    write("billing/app.py", "from celery import Celery\napp = Celery('billing')\n")
    write("billing/books.py", "def close_books(month): ...\n")
    return TaskSources(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain", "plain(a: int, b: 'Optional[date]' = None, *c: str, d: Literal['x'] = 'x', **e)"),
        ("alias", "alias(a: int, b: 'Optional[date]' = None, *c: str, d: Literal['x'] = 'x', **e)"),
        ("coroutine", "coroutine(a)"),
        ("of_an_app", "of_an_app(a: int)"),
        ("bound_to_an_app", "bound_to_an_app(a: int)"),
        ("shared", "shared(a: int)"),
        ("cached", "cached(a)"),
        ("close_books", "close_books(month)"),
        ("Runner", "Runner(a, *, b=1)"),
        ("Runner.helper", "helper(a)"),
        ("Runner.method", "method(self, a)"),
    ],
)
def test_a_signature_is_read_from_the_source(sources: TaskSources, name: str, text: str) -> None:
    assert sources.signature_text(f"billing.tasks.{name}") == text


@pytest.mark.parametrize("name", ["decorated", "either", "nothing_of_the_kind", "date"])
def test_what_is_not_certain_is_not_judged(sources: TaskSources, name: str) -> None:
    assert sources.look_up(f"billing.tasks.{name}") is None


def test_a_type_that_only_type_checkers_import_says_nothing(sources: TaskSources) -> None:
    described = sources.look_up("billing.tasks.typed")
    assert described is not None
    assert not isinstance(described, Problem)
    assert described.shape.hints is None


@pytest.mark.parametrize(
    "source",
    [
        "def __getattr__(name): ...",
        "from elsewhere import *",
        "globals()['charge'] = print",
        "def setup():\n    global charge\n    charge = print",
        "exec('def charge(): ...')",
    ],
)
def test_a_module_that_makes_names_as_it_runs_is_believed(
    tmp_path: Path, write: Write, source: str
) -> None:
    write("billing.py", source)
    assert TaskSources(tmp_path).look_up("billing.charge") is None


@pytest.mark.parametrize(
    "source",
    [
        "import charge",
        "import acme.charge as charge",
        "for charge in []: ...",
        "with open('x') as charge: ...",
        "try: ...\nexcept OSError as charge: ...",
        "match 1:\n    case charge: ...",
        "match []:\n    case [*charge]: ...",
        "match {}:\n    case {**charge}: ...",
        "if (charge := 1): ...",
        "a, (b, *charge) = 1, (2, 3)",
        "charge: object = 1",
        "while True:\n    def charge(): ...\n    def charge(): ...",
    ],
)
def test_every_way_to_bind_a_name_is_seen(tmp_path: Path, write: Write, source: str) -> None:
    write("billing.py", source)
    assert TaskSources(tmp_path).look_up("billing.charge") is None


@pytest.mark.parametrize(
    ("task", "code", "message"),
    [
        ("billing.books.close_book", "E303", "'billing.books' has no 'close_book'"),
        ("billing.book.close_books", "E303", "'billing' has no module 'book'"),
        ("billing.books", "E303", "'billing.books' is a module"),
        ("biling.books.close_books", "W301",
         "there is no module 'biling.books' here; what calls it is not checked"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(
    sources: TaskSources, task: str, code: str, message: str
) -> None:
    found = sources.look_up(task)
    assert isinstance(found, Problem)
    assert (found.code, found.message) == (code, message)


@pytest.mark.parametrize(
    ("task", "code", "message", "advice"),
    [
        ("acme_space.inner.charge", "W301",
         "'acme_space.inner' is a folder without __init__.py, and no module 'charge' lies in it",
         "run this where it is installed"),
        ("acme_space.inner.task.charge", "W301",
         "'acme_space.inner' is a folder without __init__.py, and no module 'task' lies in it",
         "did you mean 'tasks'?"),
        ("acme_space.inner", "E303",
         "'acme_space.inner' is a folder of modules", "name a function in it"),
    ],
)  # fmt: skip
def test_a_folder_without_an_init_file_is_told_from_a_module_that_is_missing(
    tmp_path: Path, write: Write, task: str, code: str, message: str, advice: str
) -> None:
    write("acme_space/inner/tasks.py", "def charge(a): ...")
    found = TaskSources(tmp_path).look_up(task)
    assert isinstance(found, Problem)
    assert (found.code, found.message.partition(";")[0], found.help) == (code, message, advice)


def test_a_module_is_found_below_a_folder_without_an_init_file(
    tmp_path: Path, write: Write
) -> None:
    write("acme_space/inner/tasks.py", "def charge(a): ...")
    assert TaskSources(tmp_path).signature_text("acme_space.inner.tasks.charge") == "charge(a)"


@pytest.mark.parametrize(
    "source",
    [
        "def charge(a, a): ...",
        "from .tasks import charge",
        "from .other import charge\nfrom .other import charge",
        "charge = charge",
        "def charge(a: " + "list[" * 200 + "int" + "]" * 200 + "): ...",
        "x = " + "-" * 100_000 + "1",
        "\0",
        "# -*- coding: no-such -*-\n",
        "def charge(a: 1 / 0, b: int[str], c: Literal[f()]): ...",
    ],
)
def test_no_source_is_too_odd_to_be_looked_at(tmp_path: Path, write: Write, source: str) -> None:
    write("odd/tasks.py", source)
    TaskSources(tmp_path).look_up("odd.tasks.charge")
