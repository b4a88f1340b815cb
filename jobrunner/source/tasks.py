"""What a dotted path stands for, as far as the source tells: its signature, or why it cannot be called.

What is not certain is not judged: a decorator that may change the signature, a name that is bound
twice, a base class from elsewhere. Celery's own decorators are known.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from jobrunner.hints import make_hints
from jobrunner.misfits import Problem, Shape
from jobrunner.source.bindings import (
    Assigned,
    Binding,
    Function,
    Imported,
    ImportedModule,
    bindings_of,
)
from jobrunner.source.files import FoundModule, modules_in
from jobrunner.source.modules import Broken, Module, Modules
from jobrunner.source.signatures import (
    WrittenParameter,
    as_signature,
    in_words,
    written_parameters,
)
from jobrunner.spec.guesses import did_you_mean, listed
from jobrunner.spec.paths import Allowed

_MOST_STEPS = 10
"""From a name that is imported to where it is defined."""
_adapter: Callable[[Any], TypeAdapter[Any]] = lru_cache(maxsize=1000)(TypeAdapter)
"""Many parameters have the same few hints, and to make one takes far longer than to use it."""
_MOST_NAMES = 2
"""A function, or a class and its method."""
_SAME_SIGNATURE = {"functools.cache", "functools.lru_cache", "builtins.staticmethod"}
_SHARED_TASK = {"celery.shared_task", "celery.app.shared_task"}
_CELERY = {"celery.Celery", "celery.app.Celery", "celery.app.base.Celery"}


@dataclass(frozen=True, slots=True)
class Described:
    """A callable that was found."""

    shape: Shape
    parameters: Sequence[WrittenParameter]
    place: str
    """`billing/tasks.py:41`"""
    origin: str
    """Where it is defined, as a dotted path."""

    @property
    def text(self) -> str:
        """Name and signature, for people."""
        return f"{self.shape.name}{in_words(self.parameters)}"


class NotCertain(Exception):
    """The source does not say it."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """A name and the module it is bound in."""

    module: Module
    name: str
    binding: Binding


class TaskSources:
    """The tasks of the project in `root`; `allow` is the project's `allow.tasks`. Reads each module once."""

    def __init__(self, root: Path, *, allow: Sequence[str] = ()) -> None:
        self._root = root
        self._allow = Allowed(allow)
        self._modules = Modules(root)
        self._known: dict[str, Described | Problem | None] = {}

    def signature_text(self, task: str) -> str:
        """`charge_cards(batch_size: int = 500)`, for people; '' where the source does not say it."""
        found = self.look_up(task)
        return found.text if isinstance(found, Described) else ""

    def look_up(self, task: str) -> Described | Problem | None:
        """What the dotted path stands for; None where the source does not say it."""
        if task not in self._known:
            try:
                self._known[task] = self._look_up(task)
            except NotCertain:
                self._known[task] = None
        return self._known[task]

    def _look_up(self, task: str) -> Described | Problem:
        found = self._modules.find(task)
        if found is not None and not found.rest:
            what = "folder of modules" if found.is_folder else "module"
            return Problem("E303", f"'{task}' is a {what}", help="name a function in it")
        if found is None or found.is_folder:
            return self._no_module(task, found)
        module = self._modules.read(found)
        if isinstance(module, Broken):
            return self._broken(found.name, module)
        if module is None or len(found.rest) > _MOST_NAMES:
            raise NotCertain
        first, *rest = found.rest
        if first not in module.names.bound:
            return self._missing(found, module)
        return self._allowed(
            task, self._describe(self._follow(module, first), rest, found.rest[-1])
        )

    def _no_module(self, task: str, folder: FoundModule | None) -> Problem:
        if folder is None:
            missing, name = task.rpartition(".")[0], task.partition(".")[0]
            why = f"there is no module '{missing}' here"
            near = tuple(modules_in([str(self._root)]))
        else:
            name = folder.rest[0]
            missing = f"{folder.name}.{name}"
            why = f"'{folder.name}' is a folder without __init__.py, and no module '{name}' lies in it"
            near = tuple(modules_in(folder.folders))
        guess = did_you_mean(name, near)
        return Problem(
            "W301", f"{why}; what calls it is not checked",
            help=f"did you mean '{guess}'?" if guess else "run this where it is installed",
            module=missing,
        )  # fmt: skip

    def _broken(self, name: str, module: Broken) -> Problem:
        return Problem(
            "E305", f"the module '{name}' cannot be loaded: {module.problem}",
            help=f"correct {self._shown(module.file)}:{module.line}", module=name,
        )  # fmt: skip

    def _missing(self, found: FoundModule, module: Module) -> Problem:
        if module.names.is_dynamic:
            raise NotCertain
        name, *more = found.rest
        bound = [one for one in module.names.bound if not one.startswith("_")]
        guess = did_you_mean(name, (*modules_in(found.folders), *([] if more else bound)))
        what = f"no module '{name}'" if more else f"no '{name}'"
        return Problem(
            "E303", f"'{found.name}' has {what}",
            help=f"did you mean '{guess}'?" if guess else "",
            notes=(f"{found.name}: {self._shown(module.file)}",),
        )  # fmt: skip

    def _allowed(self, task: str, described: Described | Problem) -> Described | Problem:
        """What it is called here may be allowed, and what it is may not."""
        if isinstance(described, Problem) or described.origin in self._allow:
            return described
        patterns = self._allow.patterns
        return Problem(
            "E302", f"'{task}' is '{described.origin}', which may not be loaded",
            help=f"allowed are: {listed(patterns)}"
            if patterns
            else "call a function of your own that does it",
        )  # fmt: skip

    def _follow(self, module: Module, name: str) -> _Bound:
        """Through imports and plain assignments to where it is made."""
        for _ in range(_MOST_STEPS):
            binding = module.names.bound.get(name)
            match binding:
                case None:
                    raise NotCertain
                case Assigned(ast.Name(id=other)):
                    name = other
                case Imported(imported, original):
                    module, name = self._imported(module, imported, original)
                case _:
                    return _Bound(module, name, binding)
        raise NotCertain

    def _imported(self, module: Module, imported: str, name: str) -> tuple[Module, str]:
        absolute = module.absolute(imported)
        found = self._modules.find(absolute) if absolute else None
        if found is None or found.rest:
            raise NotCertain
        read = self._modules.read(found)
        if not isinstance(read, Module):
            raise NotCertain
        return read, name

    def _describe(self, bound: _Bound, rest: Sequence[str], name: str) -> Described | Problem:
        match bound.binding, list(rest):
            case (ast.FunctionDef() | ast.AsyncFunctionDef()) as function, []:
                return self._function(bound.module, function, name, bound.name, is_method=False)
            case ast.ClassDef() as body, []:
                return self._instance(bound, body, name)
            case ast.ClassDef() as body, [method]:
                function = self._method(body, method)
                qualified = f"{bound.name}.{method}"
                return self._function(bound.module, function, name, qualified, is_method=False)
            case _:
                raise NotCertain

    def _method(self, body: ast.ClassDef, name: str) -> Function:
        found = bindings_of(body.body).get(name)
        if not isinstance(found, Function) or body.decorator_list or body.keywords:
            raise NotCertain
        return found

    def _instance(self, bound: _Bound, body: ast.ClassDef, name: str) -> Described | Problem:
        """A worker makes an instance and calls that."""
        is_plain = not (body.bases or body.keywords or body.decorator_list)
        if is_plain and "__call__" not in bindings_of(body.body):
            return Problem(
                "E303", f"'{body.name}' is a class without __call__",
                help="give it a __call__ method, or name a function",
            )  # fmt: skip
        function = self._method(body, "__call__")
        return self._function(bound.module, function, name, bound.name, is_method=True)

    def _function(
        self, module: Module, function: Function, name: str, qualified: str, *, is_method: bool
    ) -> Described:
        skips_first = is_method
        for decorator in function.decorator_list:
            skips_first = self._binds(module, decorator) or skips_first

        def origin_in_module(expression: ast.expr) -> str | None:
            return self._origin(module, expression)

        parameters = written_parameters(function.args, skips_first=skips_first)
        try:
            signature = as_signature(parameters, origin_in_module)
        except ValueError:
            raise NotCertain from None
        return Described(
            shape=Shape(name, signature, make_hints(signature, {}, _adapter)),
            parameters=parameters,
            place=f"{self._shown(module.file)}:{function.lineno}",
            origin=f"{module.name}.{qualified}",
        )

    def _binds(self, module: Module, decorator: ast.expr) -> bool:
        """Whether what it makes passes the first argument itself. Raises NotCertain for one not known."""
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        origin = self._origin(module, called)
        if origin in _SAME_SIGNATURE:
            return False
        is_task = origin in _SHARED_TASK or (
            isinstance(called, ast.Attribute)
            and called.attr == "task"
            and self._is_celery(module, called.value)
        )
        if not is_task:
            raise NotCertain
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        bind = [one.value for one in keywords if one.arg in {"bind", None}]
        if any(not isinstance(value, ast.Constant) for value in bind):
            raise NotCertain
        return any(isinstance(value, ast.Constant) and bool(value.value) for value in bind)

    def _is_celery(self, module: Module, expression: ast.expr) -> bool:
        """Whether it is a Celery app that a module of the project makes."""
        if not isinstance(expression, ast.Name):
            return False
        bound = self._follow(module, expression.id)
        match bound.binding:
            case Assigned(ast.Call(func=made)):
                return self._origin(bound.module, made) in _CELERY
            case _:
                return False

    def _origin(self, module: Module, expression: ast.expr) -> str | None:
        """The dotted path that an expression stands for; None for one that is not certain."""
        match expression:
            case ast.Attribute(value=value, attr=name):
                above = self._origin(module, value)
                return above and f"{above}.{name}"
            case ast.Name(id=name):
                match module.names.bound.get(name):
                    case None:
                        return f"builtins.{name}"
                    case Imported(imported, original):
                        absolute = module.absolute(imported)
                        return absolute and f"{absolute}.{original}"
                    case ImportedModule(imported):
                        return imported
        return None

    def _shown(self, file: Path) -> str:
        return str(file.relative_to(self._root) if file.is_relative_to(self._root) else file)
