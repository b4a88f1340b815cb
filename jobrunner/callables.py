"""From a dotted path to a callable: the only user of importlib.

What a worker may load is decided here, on its own side, whatever the database says:

- `allow` lists patterns of dotted paths (`acme.*`, `reports.tasks.build_report`). Both the path
  that is asked for and the place where the object was really defined must match one, so that
  `acme.tasks.os.system` is refused although `acme.*` is allowed. The names that a function carries
  are a claim (`functools.wraps` copies them): the module that its code runs in must match, too.
- A decorator may come from anywhere, as long as what it decorates is allowed.
- An empty `allow` is for the first try: everything that is installed, but not the modules of
  Python itself (`os`, `subprocess`, …) nor its installers. Production names its packages.
- Built-ins, lambdas, partials, names with two leading underscores and hops through an imported
  module are refused in any case.
"""

import builtins
import functools
import importlib
import inspect
import keyword
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # newer than its stubs
from billiard.exceptions import SoftTimeLimitExceeded
from celery import Task
from celery.local import Proxy

from jobrunner.django_setup import set_up_django
from jobrunner.errors import CallableError
from jobrunner.hints import Hints, read_hints
from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.paths import is_allowed


@dataclass(frozen=True, slots=True)
class LoadedCallable:
    """What a dotted path stands for, ready to be called."""

    path: str
    """As given, with dots only."""
    function: Callable[..., Any]
    """An instance where the path names a class with `__call__`; a Celery task is one, too."""
    signature: inspect.Signature | None
    """None when Python cannot tell, as for some compiled functions."""
    hints: Hints | None
    """What its type hints make of JSON; None where they say nothing."""


def load_callable(path: str, *, allow: Sequence[str]) -> LoadedCallable:
    """Import and check what `path` names: `package.module.function` or `package.module:function`.

    Raises CallableError: `refused` before anything is imported where the path alone tells,
    `missing` when there is no such module or attribute, `import` when the module's own code
    fails (the cause carries its traceback).
    """
    dotted = path.replace(":", ".")
    parts = _checked_parts(dotted)
    _refuse_unless_allowed(dotted, dotted, allow)
    module, rest = _import_longest(dotted, parts)
    found = _walk(dotted, module, rest)
    function = _checked_callable(dotted, found, allow)
    described = function.run if isinstance(function, Task) else function
    signature = _signature(described)
    hints = None if signature is None else read_hints(described, signature)
    return LoadedCallable(path=dotted, function=function, signature=signature, hints=hints)


def load_object(path: str) -> object:
    """What `path` names, whatever it is: the caller has to know that it may be imported.

    Raises CallableError, as `load_callable` does.
    """
    dotted = path.replace(":", ".")
    module, rest = _import_longest(dotted, _checked_parts(dotted))
    return _walk(dotted, module, rest)


def _checked_parts(dotted: str) -> list[str]:
    parts = dotted.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise CallableError(
            f"{dotted!r} is no dotted path of a callable.",
            kind="refused",
            hint="Write it as package.module.function.",
        )
    for part in parts:
        if part.startswith("__") or keyword.iskeyword(part):
            raise CallableError(
                f"{dotted} may not be loaded: {part!r} cannot be part of a path.", kind="refused"
            )
    return parts


def _refuse_unless_allowed(dotted: str, origin: str, allow: Sequence[str]) -> None:
    """`origin` is where the object is defined; the same as `dotted` before that is known."""
    if is_allowed(origin, allow):
        return
    if allow:
        reason = f"only {', '.join(allow)} are allowed"
        hint = (
            f"Add {origin} to JOBRUNNER_ALLOW_TASKS, or to allow.tasks of the project file; "
            "a worker reads them when it starts."
        )
    else:
        reason = "modules of Python itself are no tasks"
        hint = "Name a function of your own that does it."
    elsewhere = f" (it is {origin})" if origin != dotted else ""
    raise CallableError(
        f"{dotted} may not be loaded{elsewhere}: {reason}.", kind="refused", hint=hint
    )


def _import_longest(dotted: str, parts: Sequence[str]) -> tuple[ModuleType, Sequence[str]]:
    """The longest importable prefix and the names behind it, at least one."""
    importlib.invalidate_caches()  # a module may have been written a moment ago
    with _users_code(dotted, "setting Django up", hint="Try it: python manage.py check"):
        set_up_django()
    for length in range(len(parts) - 1, 0, -1):
        module = _import(dotted, ".".join(parts[:length]))
        if module is not None:
            return module, parts[length:]
    raise CallableError(
        f"{dotted} cannot be found: there is no module {parts[0]!r}.",
        kind="missing",
        hint=f"Install {parts[0]}, or start the worker in the folder that holds it.",
    )


def _import(dotted: str, name: str) -> ModuleType | None:
    """None when there is no such module; its own failure is an error, a module it misses too."""
    with _users_code(dotted, f"importing {name}", hint=_try_import(name)):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            # `error.name` is what was looked for: the module itself, or a package above it.
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                return None
            raise


@contextmanager
def _users_code(dotted: str, doing: str, *, hint: str) -> Iterator[None]:
    """What fails in this block is the module's mistake, unless the process or the run is to end."""
    try:
        yield
    except SoftTimeLimitExceeded:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and terminate_handler_fired():
            raise
        raise CallableError(
            f"{dotted} cannot be loaded: {doing} failed with {type(error).__name__}: {error}",
            kind="import",
            hint=hint,
        ) from error


def _try_import(name: str) -> str:
    return f'Try it: python -c "import {name}"'


def _walk(dotted: str, module: ModuleType, names: Sequence[str]) -> object:
    """Through classes only: an imported module is no way to what lies behind it."""
    found: Any = module
    for name in names:
        if not isinstance(found, ModuleType | type):
            raise CallableError(
                f"{dotted} may not be loaded: it goes through an object of class "
                f"{type(found).__name__}.",
                kind="refused",
            )
        try:
            found = getattr(found, name)
        except AttributeError:
            raise _not_there(dotted, found, name) from None
        if isinstance(found, ModuleType):
            raise CallableError(
                f"{dotted} may not be loaded: it goes through {name!r}, which "
                f"{module.__name__} only imports.",
                kind="refused",
            )
    return found


def _not_there(dotted: str, place: ModuleType | type, name: str) -> CallableError:
    if isinstance(place, ModuleType) and _is_module(place, name):
        return CallableError(
            f"{dotted} is a module.", kind="missing", hint="Name a function in it."
        )
    guess = did_you_mean(name, tuple(one for one in vars(place) if not one.startswith("_")))
    where = (
        f"module {place.__name__}" if isinstance(place, ModuleType) else f"class {place.__name__}"
    )
    return CallableError(
        f"{dotted} cannot be found: {where} has no {name!r}.",
        kind="missing",
        hint=f"Did you mean {guess!r}?" if guess else "",
    )


def _is_module(package: ModuleType, name: str) -> bool:
    folders = getattr(package, "__path__", None)
    return folders is not None and PathFinder.find_spec(name, folders) is not None


def _checked_callable(dotted: str, found: object, allow: Sequence[str]) -> Callable[..., Any]:
    found = _resolved(dotted, found)
    if not callable(found):
        raise CallableError(
            f"{dotted} is no callable but a value of class {type(found).__name__}.", kind="missing"
        )
    for origin in _origins(dotted, found):
        _refuse_unless_allowed(dotted, origin, allow)
    if isinstance(found, type):
        return _instance(dotted, found)
    return found


def _resolved(dotted: str, found: object) -> object:
    """A task that Celery has not made yet is made now: an app waits with that until it is used."""
    if not issubclass(type(found), Proxy):
        return found
    module = dotted.rpartition(".")[0]
    with _users_code(
        dotted, f"importing {module}", hint=_try_import(module)
    ):  # the app's configuration, for one
        return found._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  the only way in


def _origins(dotted: str, found: Any) -> Iterator[str]:
    """Where the object and the code that it runs were defined, as dotted paths.

    By `type()`: what `isinstance` asks can be made up by the object itself.
    """
    kind = type(found)
    if issubclass(kind, type):
        yield _claimed(dotted, found)
        own_call = vars(found).get("__call__")
        if type(own_call) is FunctionType:
            yield from _origins(dotted, own_call)
    elif kind is FunctionType:
        yield from _origins_of_function(dotted, found)
    elif kind is MethodType:
        yield from _origins(dotted, found.__func__)
    elif kind is BuiltinFunctionType and type(found.__self__) is ModuleType:
        yield _place(dotted, found.__self__.__name__, found.__name__)
    elif kind is functools._lru_cache_wrapper:  # noqa: SLF001  the class has no other name
        yield _claimed(dotted, found)
        yield from _origins(dotted, found.__wrapped__)
    elif issubclass(kind, functools.partial):
        raise CallableError(
            f"{dotted} may not be loaded: a partial stands for another callable.",
            kind="refused",
            hint="Write a `def` that calls it.",
        )
    else:
        yield _claimed(dotted, kind)
        if issubclass(kind, Task):
            # What `autoretry_for` wraps around it is Celery's own.
            yield from _origins(dotted, getattr(found, "_orig_run", found.run))


def _origins_of_function(dotted: str, function: FunctionType) -> Iterator[str]:
    yield _claimed(dotted, function)
    decorated = vars(function).get("__wrapped__")
    if decorated is not None and _holds(function, decorated):
        yield from _origins(dotted, decorated)
    else:
        module = function.__globals__.get("__name__")
        yield _place(dotted, module, f"{function.__qualname__}")
    if function.__code__.co_name == "<lambda>":
        raise _has_no_place(dotted, "a lambda has no name")


def _holds(wrapper: FunctionType, decorated: object) -> bool:
    """A real decorator has what it decorates in its closure; `__wrapped__` alone anybody can set."""
    for cell in wrapper.__closure__ or ():
        try:
            if cell.cell_contents is decorated:
                return True
        except ValueError:  # an empty cell
            continue
    return False


def _claimed(dotted: str, found: Any) -> str:
    """The place that the object names itself."""
    return _place(dotted, getattr(found, "__module__", None), found.__qualname__)


def _place(dotted: str, module: object, name: str) -> str:
    if module in {None, builtins.__name__}:
        raise _has_no_place(dotted, "it is built into Python")
    return f"{module}.{name}"


def _has_no_place(dotted: str, what: str) -> CallableError:
    return CallableError(f"{dotted} may not be loaded: {what}.", kind="refused")


def _instance(dotted: str, found: type) -> Callable[..., Any]:
    if "__call__" not in dir(found):  # `hasattr` would see the one of `type`
        raise CallableError(
            f"{dotted} is a class without `__call__`.",
            kind="missing",
            hint="Give it a __call__ method, or name a function.",
        )
    hint = "Let the class be made without arguments, or name a function."
    with _users_code(dotted, f"making a {found.__name__}", hint=hint):
        instance: Callable[..., Any] = found()
    return instance


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError, NameError):  # NameError: from 3.14 on hints are read right here
        return None
