"""`${NAME}` in the values of the files: expanded once, after YAML is read and before anything is merged.

Only values are expanded, and never what an identity is made of or what decides which code may be
loaded: those are the same in every environment. A result is not looked at again.
"""

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import NamedTuple

from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.keys import EXTENSION, shortened
from jobrunner.spec.report import Report
from jobrunner.spec.scalars import AmbiguousNumberError, resolve_plain
from jobrunner.spec.tree import (
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    text_as_written,
    text_offset,
    walk,
)

_EXPRESSION = re.compile(r"\$(?:\$|\{([^}]*)(\})?)")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?", re.DOTALL)
_OF_MATRIX = re.compile(r"matrix\.([A-Za-z_][A-Za-z0-9_]*)")
_FOREIGN = re.compile(r"((?:secrets?|matrix|env|vars?)\.)?([A-Za-z_][A-Za-z0-9_]*)")
_TAG = re.compile(r"(?:&\S+\s+)?!")

_NEVER = frozenset(
    {"version", "project", "namespace", "include", "allow", "celery", "environments", "moved"}
)
"""Keys of a file below which nothing is expanded."""
_NEVER_IN_A_JOB = frozenset({"extends", "matrix"})
_OF_JOBS = frozenset({"jobs", "templates"})
_WITH_MATRIX = _OF_JOBS | {"defaults"}
_DATA = frozenset({"args", "kwargs"})
_FORMS = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; '$$' is a dollar sign"


class MatrixName(NamedTuple):
    """`${matrix.name}`."""

    name: str


class Expanded(str):
    """The value of a key of ours that `${…}` alone gave: a number or a truth value where the key takes one,
    in quotes or without.
    """

    __slots__ = ()


class Pending(str):
    """A text that is not known yet: `${matrix.name}` stands in it, or what could not be expanded."""

    __slots__ = ("is_data", "parts")
    parts: tuple[str | MatrixName | None, ...]
    """In order. None has no value, and it has been told why."""
    is_data: bool
    """It stands in arguments, of which any type is right."""


@dataclass(frozen=True, slots=True)
class Variables:
    """The values of `${NAME}`, and where to say that there may be more."""

    values: Table[str, str]
    environment: str
    """The one that was chosen; '' is none."""
    declared: Table[str, Table[str, str]]
    """The `vars` of all environments, by name."""

    @property
    def are_unknown(self) -> bool:
        """The environment that was chosen is none of those, which has been told of."""
        return bool(self.environment and self.declared) and self.environment not in self.declared


class Interpolator:
    """Expands document by document."""

    def __init__(self, variables: Variables, report: Report) -> None:
        self._variables = variables
        self._report = report
        self.has_pending = False
        """Whether any value of any document is Pending."""
        self._may_use_matrix = False

    def document(self, tree: Mapping) -> Mapping:
        """The document with its values expanded; what is wrong is reported."""
        if not tree.source.has_references:
            return tree
        entries = {}
        for name, entry in tree.entries.items():
            self._may_use_matrix = name in _WITH_MATRIX
            entries[name] = entry._replace(value=self._value_of(name, entry))
            self._check_key(entry.key)
        return tree._replace(entries=entries)

    def defaults_of_environment(self, entry: Entry) -> Entry:
        """The `defaults` of the environment that was chosen."""
        self._may_use_matrix = True
        return entry._replace(value=self._expanded(entry.value))

    def _value_of(self, name: str, entry: Entry) -> Node:
        if name.startswith(EXTENSION):
            return entry.value
        if name in _NEVER:
            # Environments are read by themselves. What is refused is as if it were not written.
            if name == "environments" or refuse_expressions(entry.value, f"'{name}'", self._report):
                return entry.value
            return _nothing(entry.value)
        if name in _OF_JOBS and isinstance(entry.value, Mapping):
            return self._jobs(entry.value)
        return self._expanded(entry.value)

    def _jobs(self, jobs: Mapping) -> Mapping:
        entries = {}
        for name, entry in jobs.entries.items():
            self._check_key(entry.key)
            entries[name] = entry._replace(value=self._job(entry.value))
        return jobs._replace(entries=entries)

    def _job(self, job: Node) -> Node:
        if not isinstance(job, Mapping):
            return self._expanded(job)
        fixed = {name: job.entries[name] for name in _NEVER_IN_A_JOB if name in job.entries}
        for name, entry in fixed.items():
            is_fixed = refuse_expressions(entry.value, f"'{name}'", self._report)
            if not is_fixed and name == "extends":
                fixed[name] = entry._replace(value=_nothing(entry.value))
        expanded = self._expanded(job.without(*fixed) if fixed else job)
        if not fixed or not isinstance(expanded, Mapping):
            return expanded
        entries = {name: fixed.get(name) or expanded.entries[name] for name in job.entries}
        return job._replace(entries=entries)

    def _expanded(self, node: Node, *, is_data: bool = False) -> Node:
        """The same node where there is nothing to expand. Data has no keys of ours: `x-…` is one."""
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and "$" in node.value:
                return self._scalar(node, node.value, is_data=is_data)
            return node
        if isinstance(node, Sequence):
            items = tuple(self._expanded(item, is_data=is_data) for item in node.items)
            same = all(new is old for new, old in zip(items, node.items, strict=True))
            return node if same else node._replace(items=items)
        changed = {}
        for name, entry in node.entries.items():
            self._check_key(entry.key)
            if name.startswith(EXTENSION) and not is_data:
                continue
            value = self._expanded(entry.value, is_data=is_data or name in _DATA)
            if value is not entry.value:
                changed[name] = entry._replace(value=value)
        return node._replace(entries=node.entries | changed) if changed else node

    def _check_key(self, key: Scalar) -> None:
        if "${" in str(key.value):
            self._report.at(
                key, "E232", "keys are not expanded, values are",
                help="write the name itself",
            )  # fmt: skip

    def _scalar(self, node: Scalar, text: str, *, is_data: bool) -> Scalar:
        parts: list[str | MatrixName | None] = []
        end = 0
        for found in _EXPRESSION.finditer(text):
            parts.append(text[end : found.start()])
            parts.append("$" if found[0] == "$$" else self._part(found, node))
            end = found.end()
        parts.append(text[end:])
        kept = tuple(part for part in parts if part != "")
        if all(isinstance(part, str) for part in kept):
            value = "".join(map(str, kept))
            return node._replace(value=self._typed(value, node, text, is_data=is_data))
        self.has_pending = True
        pending = Pending(text)
        pending.parts, pending.is_data = kept, is_data and not _is_tagged(node)
        return node._replace(value=pending)

    def _typed(
        self, value: str, node: Scalar, text: str, *, is_data: bool
    ) -> str | int | float | bool:
        """An argument is what YAML would read: without quotes perhaps a number. A key of ours knows what
        it takes.
        """
        alone = _EXPRESSION.fullmatch(text)
        if alone is None or alone[0] == "$$":
            return value
        if not is_data:
            return Expanded(value)
        return self._as_plain(value, node) if _is_plain(node) else value

    def _part(self, found: re.Match[str], node: Scalar) -> str | MatrixName | None:
        """What one `${…}` stands for; None after a mistake."""
        inner = found[1]
        if found[2] is None:
            self._error(found, node, "E230", "'${' is not closed by '}'", _FORMS)
            return None
        if "${" in inner:
            message = "an expression cannot stand inside of another"
            self._error(found, node, "E230", message, "give the inner one a variable of its own")
            return None
        if of_matrix := _OF_MATRIX.fullmatch(inner):
            if self._may_use_matrix:
                return MatrixName(of_matrix[1])
            message = "'${matrix.…}' has a value in jobs alone"
            self._error(found, node, "E232", message, "write the value itself")
            return None
        variable = _VARIABLE.fullmatch(inner)
        if variable is None:
            message = f"'{shortened(found[0])}' names no variable"
            self._error(found, node, "E230", message, _meant(inner) or _FORMS)
            return None
        return self._variable(variable, found, node)

    def _variable(self, variable: re.Match[str], found: re.Match[str], node: Scalar) -> str | None:
        name, sign, rest = variable.groups()
        value = self._variables.values.get(name)
        if sign == ":-":
            return value or str(rest)
        if value or (value is not None and sign is None):
            return value
        if self._variables.are_unknown or not self._report.has_room(node.source):
            return None
        what = "has no value" if value is None else "is empty"
        message = f"'{shortened(name)}' {what}" + (f": {shortened(rest)}" if rest else "")
        self._error(found, node, "E231", message, self._where_to_give(name))
        return None

    def _where_to_give(self, name: str) -> str:
        variables = self._variables
        having = [one for one, given in variables.declared.items() if given.get(name)]
        if having and not variables.environment:
            return f"choose an environment that has it: -e {' or -e '.join(having)}"
        others = tuple(other for other in variables.values if other != name)
        guess = did_you_mean(name, others)
        meant = f"did you mean '{guess}'? else " if guess else ""
        environment = variables.environment if variables.environment in variables.declared else ""
        place = f"vars: {{{name}: …}} in environment '{environment}'" if environment else ""
        ways = [
            place and f"write {place}",
            f"set JOBRUNNER_VAR_{name}",
            f"write ${{{name}:-default}}",
        ]
        return meant + ", or ".join(way for way in ways if way)

    def _as_plain(self, text: str, node: Scalar) -> str | int | float | bool:
        """A number, true or false where YAML would read one. Nothing at all stays a text: an empty
        variable removes no default.
        """
        try:
            value = resolve_plain(text)
        except AmbiguousNumberError as error:
            self._report.at(
                node, "E110", str(error),
                help=f'write "{text_as_written(node)}" to have it as text, or give another value',
            )  # fmt: skip
            return text
        return text if value is None else value

    def _error(
        self, found: re.Match[str], node: Scalar, code: str, message: str, advice: str
    ) -> None:
        before = text_offset(node)
        if before is None:
            self._report.at(node, code, message, help=advice)
        else:
            self._report.at(
                node, code, message, help=advice,
                offset=before + found.start(), width=found.end() - found.start(),
            )  # fmt: skip


def _meant(inner: str) -> str:
    """What to write for an expression of another tool, `${{ secrets.TOKEN }}` for one; '' for no idea."""
    foreign = _FOREIGN.fullmatch(inner.strip("{ "))
    if foreign is None:
        return ""
    place, name = foreign.groups()
    match place:
        case "secrets." | "secret.":
            return f'write {{secret: "env:{name}"}}, which the worker resolves'
        case "matrix.":
            return f"write ${{matrix.{name}}}"
        case _:
            return f"write ${{{name}}}"


def _nothing(node: Node) -> Scalar:
    return Scalar(None, node.line, node.column, 1, node.source)


def refuse_expressions(node: Node, where: str, report: Report) -> bool:
    """Whether no value below a node has a `${…}`, where it would be read as it stands."""
    found = [
        one
        for one in walk(node)
        if isinstance(one, Scalar) and isinstance(one.value, str) and "${" in one.value
    ]
    for one in found:
        report.at(
            one, "E232", f"{where} is the same in every environment: nothing is expanded in it",
            help="write the value itself",
        )  # fmt: skip
    return not found


def _is_plain(node: Scalar) -> bool:
    """Without quotes, and without a `!!str`. `${…}` alone ends by its brace in the files, and in quotes by
    the quote.
    """
    return text_as_written(node).endswith("}") and not _is_tagged(node)


def _is_tagged(node: Scalar) -> bool:
    """The only tag that a text may have says that it is one."""
    return _TAG.match(text_as_written(node)) is not None


def pending_in(node: Node) -> list[Scalar]:
    """The values below a node that are not known yet, in the order of the text."""
    found = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Scalar):
            if isinstance(one.value, Pending):
                found.append(one)
        elif isinstance(one, Mapping):
            waiting += [entry.value for entry in reversed(one.entries.values())]
        else:
            waiting += reversed(one.items)
    return found


def without_pending(tree: Mapping) -> Mapping:
    """The same without what is not known yet: the rest can be checked."""
    entries = {}
    for name, entry in tree.entries.items():
        value = entry.value
        if isinstance(value, Mapping):
            entries[name] = Entry(entry.key, without_pending(value))
        elif isinstance(value, Scalar):
            if not isinstance(value.value, Pending):
                entries[name] = entry
        elif not pending_in(value):
            entries[name] = entry
    return tree._replace(entries=entries)
