"""The names that a module or a class binds, and how: from its syntax tree."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ANY = "*"
"""As in `from module import *`."""
Function = ast.FunctionDef | ast.AsyncFunctionDef

_DYNAMIC = re.compile(
    r"\b(__getattr__|__path__|globals|locals|vars|exec|eval|setattr|modules)\b|^\s*global\s|\bimport\s*\(?\s*\*",
    re.MULTILINE,
)
"""Words by which a module may have more names than one can see. In a comment they only make us silent."""


@dataclass(frozen=True, slots=True)
class Imported:
    """`from module import name`."""

    module: str
    """With leading dots where it is relative."""
    name: str


@dataclass(frozen=True, slots=True)
class ImportedModule:
    """`import module`, or `import a.b as module`."""

    module: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """`name = value`."""

    value: ast.expr


@dataclass(frozen=True, slots=True)
class Other:
    """Bound in a way, or more than once, so that nobody can tell what it is."""


Binding = Function | ast.ClassDef | Imported | ImportedModule | Assigned | Other


@dataclass(frozen=True, slots=True)
class Names:
    """What the top level of a module binds."""

    bound: dict[str, Binding]
    is_dynamic: bool
    """There may be more."""


def names_of(source: str, tree: ast.Module) -> Names:
    """The names of a module with this source."""
    return Names(bindings_of(tree.body), is_dynamic=_DYNAMIC.search(source) is not None)


def bindings_of(body: Iterable[ast.stmt]) -> dict[str, Binding]:
    """The names that these statements bind in their own scope."""
    bound: dict[str, Binding] = {}
    for name, binding in _bindings(body):
        if name == _ANY:  # it may bind what is bound already
            bound = dict.fromkeys(bound, Other())
        else:
            bound[name] = Other() if name in bound else binding
    return bound


def _bindings(body: Iterable[ast.AST]) -> Iterator[tuple[str, Binding]]:
    waiting = list(reversed(list(body)))
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node
            case ast.ImportFrom():
                module = "." * node.level + (node.module or "")
                for one in node.names:
                    yield one.asname or one.name, Imported(module, one.name)
            case ast.Import():
                yield from _imports(node)
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name, Assigned(node.value)
            case ast.AnnAssign(target=ast.Name(id=name)):
                if node.value is not None:
                    yield name, Assigned(node.value)
            case ast.If() if _is_for_type_checkers(node.test):
                # A worker does not see these, and an editor's type is nothing to call.
                yield from ((name, Other()) for name, _ in _bindings(node.body))
                waiting.extend(reversed(node.orelse))
            case ast.Lambda():
                pass
            case _:
                yield from ((name, Other()) for name in _own_names(node))
                waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _imports(node: ast.Import) -> Iterator[tuple[str, Binding]]:
    for one in node.names:
        if one.asname is not None:
            yield one.asname, ImportedModule(one.name)
        else:
            first = one.name.partition(".")[0]
            yield first, ImportedModule(first)


def _is_for_type_checkers(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case _:
            return False


def _own_names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name is not None:
            yield node.name
        case ast.MatchMapping() if node.rest is not None:
            yield node.rest
