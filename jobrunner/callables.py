"""From a dotted path to a callable: the only user of importlib.

What a worker may load is decided here, on its own side, whatever the database says:

- `allow` lists patterns of dotted paths (`acme.*`, `reports.tasks.build_report`). Both the path
  that is asked for and the place where the object was really defined must match one, so that
  `acme.tasks.os.system` is refused although `acme.*` is allowed.
- An empty `allow` is for the first try: everything that is installed, but not the modules of
  Python itself (`os`, `subprocess`, …) nor its installers. Production names its packages.
- Built-ins, lambdas, names with two leading underscores and hops through an imported module are
  refused in any case.
"""

import builtins
import importlib
import inspect
import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from jobrunner.errors import CallableError
from jobrunner.spec.paths import is_allowed


@dataclass(frozen=True, slots=True)
class LoadedCallable:
    """What a dotted path stands for, ready to be called."""

    path: str
    """As given, with dots only."""
    function: Callable[..., Any]
    """An instance where the path names a class with `__call__`."""
    signature: inspect.Signature | None
    """None when Python cannot tell, as for some compiled functions."""


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
    return LoadedCallable(path=dotted, function=function, signature=_signature(function))


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
        reason = f"this worker allows only {', '.join(allow)}"
        hint = f"Add {origin} to JOBRUNNER_ALLOW_TASKS, or to allow.tasks of the project file."
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
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # `error.name` is what was looked for: the module itself, or a package above it.
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise _import_failed(dotted, name, error) from error
    except (Exception, SystemExit) as error:  # the module's code is the user's
        raise _import_failed(dotted, name, error) from error


def _import_failed(dotted: str, name: str, error: BaseException) -> CallableError:
    return CallableError(
        f"{dotted} cannot be loaded: importing {name} failed with {type(error).__name__}: {error}",
        kind="import",
        hint=f'Try it: python -c "import {name}"',
    )


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
            where = f"module {module.__name__}" if found is module else f"class {found.__name__}"
            raise CallableError(
                f"{dotted} cannot be found: {where} has no {name!r}.", kind="missing"
            ) from None
        if isinstance(found, ModuleType):
            raise CallableError(
                f"{dotted} may not be loaded: it goes through {name!r}, which "
                f"{module.__name__} only imports.",
                kind="refused",
            )
    return found


def _checked_callable(dotted: str, found: object, allow: Sequence[str]) -> Callable[..., Any]:
    if not callable(found):
        raise CallableError(
            f"{dotted} is no callable but a value of class {type(found).__name__}.", kind="missing"
        )
    _refuse_unless_allowed(dotted, _origin(dotted, found), allow)
    if isinstance(found, type):
        return _instance(dotted, found)
    return found


def _origin(dotted: str, found: Callable[..., Any]) -> str:
    """Where the object was defined, as a dotted path; decorated functions tell their own place."""
    module = getattr(found, "__module__", None)
    name = getattr(found, "__qualname__", None) or type(found).__qualname__
    is_builtin = module in (None, builtins.__name__)
    if is_builtin or "<lambda>" in name:
        what = "a lambda has no name" if "<lambda>" in name else "it is built into Python"
        raise CallableError(f"{dotted} may not be loaded: {what}.", kind="refused")
    return f"{module}.{name}"


def _instance(dotted: str, found: type) -> Callable[..., Any]:
    if "__call__" not in dir(found):  # `hasattr` would see the one of `type`
        raise CallableError(
            f"{dotted} is a class without `__call__`.",
            kind="missing",
            hint="Give it a __call__ method, or name a function.",
        )
    try:
        instance: Callable[..., Any] = found()
    except (Exception, SystemExit) as error:  # the class's code is the user's
        raise _import_failed(dotted, dotted.rpartition(".")[0], error) from error
    return instance


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None
