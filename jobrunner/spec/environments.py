"""`environments`: what differs between the places that the same files are applied to."""

from dataclasses import dataclass
from typing import Any

from jobrunner.spec.guesses import did_you_mean, listed
from jobrunner.spec.interpolation import Variables, refuse_expressions
from jobrunner.spec.keys import KEYS, check_keys, shortened
from jobrunner.spec.project import EnvironmentSpec, Given
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, as_written, is_null, kind
from jobrunner.spec.values import check_name, read_model

_EXAMPLE = "write for example environments: {prod: {vars: {BUCKET: reports}}}"


@dataclass(frozen=True, slots=True)
class Environment:
    """One of them, as it was read."""

    key: Scalar
    spec: EnvironmentSpec
    """Without `defaults`, which are laid over the project's."""
    defaults: Entry | None
    gate: Scalar | None
    """The value of `enabled` when it is `false`."""


@dataclass(frozen=True, slots=True)
class Environments:
    """Those that the project declares, and the one that was chosen."""

    by_name: dict[str, Environment]
    chosen: Environment | None

    def variables(self, given: Given) -> Variables:
        """What was given outside the files wins over the environment's `vars`."""
        own = self.chosen.spec.vars if self.chosen else {}
        declared = {name: one.spec.vars for name, one in self.by_name.items()}
        return Variables({**own, **given.variables}, given.environment, declared)


def read_environments(entry: Entry | None, given: Given, report: Report) -> Environments:
    """What stands below `environments:`. Where nothing is declared, any name may be chosen: it is then
    a word that an apply is stamped with, and no more.
    """
    by_name = {} if entry is None or is_null(entry.value) else _read_all(entry.value, report)
    chosen = by_name.get(given.environment)
    declared = entry.value.entries if entry and isinstance(entry.value, Mapping) else {}
    if entry is not None and given.environment and declared and given.environment not in declared:
        guess = did_you_mean(given.environment, tuple(declared))
        meant = f"did you mean -e {guess}? " if guess else ""
        report.at(
            entry.key, "E233", f"no environment is named '{shortened(given.environment)}'",
            help=f"{meant}there are: {listed(declared)}",
        )  # fmt: skip
    return Environments(by_name, chosen)


def _read_all(node: Node, report: Report) -> dict[str, Environment]:
    if not isinstance(node, Mapping):
        report.at(
            node, "E203", f"'environments' takes a mapping of names, not {kind(node)}", help=_EXAMPLE
        )  # fmt: skip
        return {}
    return {
        name: _read(entry.key, entry.value, report)
        for name, entry in node.entries.items()
        if check_name(entry.key, "the name of an environment", report)
    }


def _read(key: Scalar, tree: Node, report: Report) -> Environment:
    if is_null(tree):
        return Environment(key, EnvironmentSpec(), None, None)
    if not isinstance(tree, Mapping):
        report.at(tree, "E203", f"an environment is a mapping, not {kind(tree)}", help=_EXAMPLE)
        return Environment(key, EnvironmentSpec(), None, None)
    check_keys(tree, "an environment", report)
    values: dict[str, Any] = tree.without("defaults", "vars").given(KEYS["an environment"])
    guards = tree.get("guards")
    if isinstance(guards, Mapping):
        check_keys(guards, "guards", report)
        values["guards"] = guards.given(KEYS["guards"])
    for name in ("enabled", "guards"):
        node = tree.get(name)
        if node is not None and not refuse_expressions(node, f"'{name}' here", report):
            values.pop(name, None)
    values["vars"] = _read_vars(tree.get("vars"), report)
    reading = read_model(EnvironmentSpec, values, tree, whole=key, report=report)
    spec = reading.model or EnvironmentSpec()
    enabled, defaults = tree.get("enabled"), tree.entries.get("defaults")
    gate = enabled if not spec.enabled and isinstance(enabled, Scalar) else None
    return Environment(key, spec, defaults, gate)


def _read_vars(node: Node | None, report: Report) -> dict[str, str]:
    """Name → text."""
    if node is None or is_null(node):
        return {}
    if not isinstance(node, Mapping):
        report.at(
            node, "E203", f"'vars' takes a mapping, not {kind(node)}",
            help="write for example vars: {BUCKET: reports}",
        )  # fmt: skip
        return {}
    refuse_expressions(node, "'vars'", report)
    found = {}
    for name, (key, value) in node.entries.items():
        if not name.isidentifier() or not name.isascii():
            report.at(
                key, "E206", f"'{shortened(name)}' cannot be the name of a variable",
                help="write letters, digits and '_', a letter first",
            )  # fmt: skip
        elif not isinstance(value, Scalar) or value.value is None:
            report.at(
                key if is_null(value) else value, "E203",
                f"a variable is a text, not {kind(value)}", help=f'write {name}: "…"',
            )  # fmt: skip
        else:
            found[name] = as_written(value)
    return found
