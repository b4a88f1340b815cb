"""What a worker may load, and what it says when it may not."""

from pathlib import Path

import pytest

from jobrunner.arguments import fit_arguments
from jobrunner.callables import LoadedCallable, load_callable
from jobrunner.errors import CallableError
from jobrunner.masking import Masker

TASKS = """
import os
import os.path as ospath
import subprocess
from builtins import eval as evaluate
from functools import partial, wraps
from os import system
from acme_shared import shared

import acme_shared


def plain(a, b=2):
    return a + b


async def coroutine():
    return "async"


def decorated(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


@decorated
def wrapped(size: int):
    return size


class Report:
    def __call__(self, title):
        return title

    @staticmethod
    def build():
        return "built"


class Mute:
    pass


class Broken:
    def __init__(self):
        raise RuntimeError("no licence")

    def __call__(self):
        pass


nameless = lambda: None
half = partial(plain, 1)
number = 3
table = {}
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with the modules `acme_tasks`, `acme_shared` and two broken ones."""
    (tmp_path / "acme_tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "acme_shared.py").write_text("def shared(): ...\n", encoding="utf-8")
    (tmp_path / "acme_broken.py").write_text("1 / 0\n", encoding="utf-8")
    (tmp_path / "acme_exits.py").write_text("import sys; sys.exit(3)\n", encoding="utf-8")
    (tmp_path / "acme_misses.py").write_text("import no_such_thing\n", encoding="utf-8")
    (tmp_path / "acme_syntax.py").write_text("def f(:\n", encoding="utf-8")
    package = tmp_path / "acme_package"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "inner.py").write_text("def task(): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def refusal(path: str, *allow: str) -> CallableError:
    with pytest.raises(CallableError) as caught:
        load_callable(path, allow=allow)
    return caught.value


@pytest.mark.usefixtures("acme")
class TestLoading:
    def test_a_function_of_a_module_is_loaded(self) -> None:
        loaded = load_callable("acme_tasks.plain", allow=())
        assert loaded.function(1) == 3

    def test_a_colon_before_the_callable_is_a_dot(self) -> None:
        assert load_callable("acme_tasks:plain", allow=()).path == "acme_tasks.plain"

    def test_a_module_within_a_package_is_found(self) -> None:
        assert load_callable("acme_package.inner.task", allow=()).function() is None

    def test_a_decorated_function_keeps_its_place_and_signature(self) -> None:
        loaded = load_callable("acme_tasks.wrapped", allow=["acme_tasks.wrapped"])
        assert str(loaded.signature) == "(size: int)"

    def test_a_class_with_a_call_method_is_made_once(self) -> None:
        assert load_callable("acme_tasks.Report", allow=()).function("x") == "x"

    def test_a_function_within_a_class_is_loaded(self) -> None:
        assert load_callable("acme_tasks.Report.build", allow=()).function() == "built"

    def test_a_module_written_after_the_start_is_found(self, acme: Path) -> None:
        assert refusal("acme_late.task").kind == "missing"
        (acme / "acme_late.py").write_text("def task(): ...\n", encoding="utf-8")
        assert load_callable("acme_late.task", allow=()).path == "acme_late.task"


@pytest.mark.usefixtures("acme")
class TestMissing:
    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("no_such_module.task", "there is no module 'no_such_module'"),
            ("acme_tasks.absent", "module acme_tasks has no 'absent'"),
            ("acme_package.absent.task", "module acme_package has no 'absent'"),
            ("acme_tasks.Report.absent", "class Report has no 'absent'"),
            ("acme_tasks.number", "value of class int"),
            ("acme_tasks.Mute", "class without `__call__`"),
        ],
    )
    def test_what_is_not_there_is_named(self, path: str, told: str) -> None:
        error = refusal(path)
        assert error.kind == "missing"
        assert told in error.message

    def test_a_module_in_place_of_a_function_is_called_a_module(self, acme: Path) -> None:
        (acme / "acme_room").mkdir()
        (acme / "acme_room" / "tasks.py").touch()
        error = refusal("acme_room.tasks")
        assert (error.kind, error.message, error.hint) == (
            "missing", "acme_room.tasks is a module.", "Name a function in it.",
        )  # fmt: skip

    def test_a_name_that_was_probably_meant_is_proposed(self) -> None:
        assert refusal("acme_tasks.Report.biuld").hint == "Did you mean 'build'?"

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("acme_broken.task", "ZeroDivisionError"),
            ("acme_exits.task", "SystemExit: 3"),
            ("acme_misses.task", "No module named 'no_such_thing'"),
            ("acme_syntax.task", "SyntaxError"),
            ("acme_tasks.Broken", "RuntimeError: no licence"),
        ],
    )
    def test_a_failing_import_is_told_with_its_cause(self, path: str, told: str) -> None:
        error = refusal(path)
        assert error.kind == "import"
        assert told in error.message
        assert error.__cause__ is not None

    def test_an_instance_that_cannot_be_made_is_told_from_a_failing_import(self) -> None:
        error = refusal("acme_tasks.Broken")
        assert "making a Broken failed with" in error.message
        assert "without arguments" in error.hint


@pytest.mark.usefixtures("acme")
class TestRefused:
    @pytest.mark.parametrize(
        "path",
        [
            "os.system",
            "subprocess.run",
            "builtins.eval",
            "pip.main",
            "acme_tasks.os.system",
            "acme_tasks.subprocess.Popen",
            "acme_tasks.acme_shared.shared",
            "acme_tasks.system",
            "acme_tasks.evaluate",
            "acme_tasks.nameless",
            "acme_tasks.half",
            "acme_tasks.table.get",
            "acme_tasks.plain.__globals__",
            "acme_tasks.Report.__subclasses__",
            "acme_tasks",
            "acme tasks.plain",
            "acme_tasks..plain",
            "acme_tasks.class.plain",
            "",
        ],
    )
    def test_no_way_leads_to_python_itself(self, path: str) -> None:
        assert refusal(path).kind == "refused"

    def test_a_path_outside_the_allow_list_is_not_imported(self) -> None:
        error = refusal("acme_broken.task", "acme_tasks.*")
        assert error.kind == "refused"
        assert "JOBRUNNER_ALLOW_TASKS" in error.hint

    def test_an_object_defined_outside_the_allow_list_is_refused(self) -> None:
        error = refusal("acme_tasks.shared", "acme_tasks.*")
        assert error.kind == "refused"
        assert "it is acme_shared.shared" in error.message

    def test_an_allow_list_that_names_the_place_of_definition_lets_it_pass(self) -> None:
        allow = ["acme_tasks.*", "acme_shared.shared"]
        assert load_callable("acme_tasks.shared", allow=allow).path == "acme_tasks.shared"

    def test_built_ins_are_refused_even_when_everything_is_allowed(self) -> None:
        assert refusal("acme_tasks.evaluate", "*").kind == "refused"


@pytest.mark.usefixtures("acme")
class TestArguments:
    @pytest.fixture
    def plain(self) -> LoadedCallable:
        return load_callable("acme_tasks.plain", allow=())

    def test_arguments_that_fit_pass(self, plain: LoadedCallable) -> None:
        fit_arguments(plain, [1], {"b": 3}, masker=Masker())

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [([], {}), ([1, 2, 3], {}), ([1], {"c": 1}), ([1], {"a": 1})],
    )
    def test_arguments_that_do_not_fit_are_told_with_the_signature(
        self, plain: LoadedCallable, args: list[int], kwargs: dict[str, int]
    ) -> None:
        with pytest.raises(CallableError, match=r"It is plain\(a, b=2\)\.") as caught:
            fit_arguments(plain, args, kwargs, masker=Masker())
        assert caught.value.kind == "arguments"
