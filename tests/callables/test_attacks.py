"""Ways around the allow-list: each path lies below an allowed name, and what it leads to does not."""

from pathlib import Path

import pytest

from jobrunner.callables import load_callable
from jobrunner.errors import CallableError

ATTACKED = """
import functools
import operator
import os
import posix
import random
import subprocess
import threading
from posix import system as c_function
from random import randint
from subprocess import Popen, run as foreign_function

import foreign
from foreign import Helper, decorate, helper


def build():
    return "built"


c_operator = operator.add
attribute_getter = operator.methodcaller("system", "true")
half = functools.partial(os.system, "true")
half_own = functools.partial(build)
nameless = lambda: None
renamed = lambda: None
renamed.__name__ = renamed.__qualname__ = "build"
bound_foreign = Helper().help
bound_builtin = [].append
foreign_instance = Helper()
foreign_loader = operator.itemgetter(0)


def forge(function):
    function.__module__ = __name__
    function.__qualname__ = "build"
    return function


forged_names = forge(foreign.forgeable)
forged_wrapped = functools.wraps(build)(foreign.also_forgeable)
forged_decorator = functools.wraps(build)(decorate(helper))
forged_cache = forge(functools.cache(foreign.helper))


class ForgedInstance(Helper):
    pass


disguised = Helper()
disguised.__module__ = __name__
disguised.__qualname__ = "build"
disguised.__wrapped__ = build


class Liar:
    __class__ = property(lambda self: type(build))
    __call__ = subprocess.call


class Worker(threading.Thread):
    shell = staticmethod(os.system)
    Process = subprocess.Popen
    system_module = os
    __call__ = foreign.called

    @classmethod
    def make(cls):
        return "made"


class Caller:
    def __call__(self):
        return "called"


@decorate
def decorated(a):
    return a


@functools.cache
def cached():
    return "cached"


cached_foreign = functools.cache(foreign.helper)
decorated_foreign = decorate(foreign.helper)
own_instance = Caller()
own_bound = Caller().__call__
"""
FOREIGN = """
from functools import wraps


def decorate(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


def helper(): ...
def forgeable(): ...
def also_forgeable(): ...
def called(self): ...


class Helper:
    def __call__(self): ...
    def help(self): ...
    @classmethod
    def make(cls): ...
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`attacked`, which is allowed, and `foreign`, which is not."""
    (tmp_path / "attacked.py").write_text(ATTACKED, encoding="utf-8")
    (tmp_path / "foreign.py").write_text(FOREIGN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


ALLOW = ("attacked.*",)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "subprocess.Popen",
        "posix.system",
        "foreign.helper",
        "c_function",
        "c_operator",
        "attribute_getter",
        "foreign_loader",
        "randint",
        "foreign_function",
        "Popen",
        "Popen.communicate",
        "helper",
        "decorate",
        "Helper",
        "Helper.make",
        "half",
        "half_own",
        "nameless",
        "renamed",
        "bound_foreign",
        "bound_builtin",
        "foreign_instance",
        "forged_names",
        "forged_wrapped",
        "forged_decorator",
        "forged_cache",
        "disguised",
        "Worker",
        "Worker.start",
        "Worker.shell",
        "Worker.Process",
        "Worker.system_module",
        "Worker.system_module.system",
        "ForgedInstance.help",
        "ForgedInstance.make",
        "Worker.mro",
        "cached_foreign",
        "decorated_foreign",
        "build.__globals__",
        "build.__globals__.get",
        "build.__code__.replace",
        "Caller.__call__",
        "Caller.__class__",
        "Caller.__subclasses__",
        "__loader__.load_module",
        "__builtins__.eval",
        "foreign_instance.help",
    ],
)
def test_what_lies_behind_an_allowed_name_is_judged_by_where_it_was_defined(name: str) -> None:
    with pytest.raises(CallableError) as caught:
        load_callable(f"attacked.{name}", allow=ALLOW)
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    ("name", "returned"),
    [
        ("build", "built"),
        ("Worker.make", "made"),
        ("Caller", "called"),
        ("own_instance", "called"),
        ("own_bound", "called"),
        ("cached", "cached"),
    ],
)
def test_what_the_allowed_module_defines_itself_is_loaded(name: str, returned: str) -> None:
    assert load_callable(f"attacked.{name}", allow=ALLOW).function() == returned


def test_a_decorator_may_come_from_elsewhere() -> None:
    assert load_callable("attacked.decorated", allow=ALLOW).function(1) == 1


def test_a_partial_is_refused_even_where_everything_is_allowed() -> None:
    with pytest.raises(CallableError, match="a partial stands for another callable"):
        load_callable("attacked.half", allow=("*",))


def test_a_disguised_class_is_no_way_around() -> None:
    with pytest.raises(CallableError) as caught:
        load_callable("attacked.Liar", allow=("attacked.Liar",))
    assert "subprocess.call" in caught.value.message
