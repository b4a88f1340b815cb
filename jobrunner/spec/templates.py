"""`templates` and `extends`: keys of a job under a name, for the jobs that ask for them."""

from dataclasses import dataclass, field

from jobrunner.spec.guesses import did_you_mean, listed
from jobrunner.spec.inheritance import Layer, written_out
from jobrunner.spec.keys import check_keys, shortened
from jobrunner.spec.report import Report
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, Sequence, is_null, kind
from jobrunner.spec.values import check_name

MOST_TEMPLATES = 50
"""Of one job, those that its templates extend among them."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it was read."""

    key: Scalar
    tree: Mapping
    """Shorthands written out."""


@dataclass(frozen=True, slots=True)
class Templates:
    """All that a job of one document may extend, by name."""

    by_name: dict[str, Template] = field(default_factory=dict)
    circles: set[frozenset[str]] = field(default_factory=set)
    """Those that have been told of: each can be entered at several places."""
    followed: dict[tuple[object, ...], tuple[Layer, ...]] = field(default_factory=dict)
    """What some names together stand for: many jobs extend the same."""
    too_deep: set[str] = field(default_factory=set)
    """Templates below which too many stand. It has been told, and none of them is followed again."""

    def layers(self, tree: Mapping, report: Report) -> tuple[Layer, ...]:
        """Those that a job or a template asks for, the lowest first.

        Each stands above what it extends, and counts once. What cannot be found is reported.
        """
        extends = tree.get("extends")
        if extends is None or is_null(extends):
            return ()
        items = extends.items if isinstance(extends, Sequence) else (extends,)
        names = tuple([one.value if isinstance(one, Scalar) else None for one in items])
        if names in self.followed:
            return self.followed[names]
        found = self._below(tree, (), report)
        layers = _as_layers(found)
        # What is wrong where the names stand is told at each place, and what lies below them once.
        if self.by_name.keys() >= {*names} and len(found) < MOST_TEMPLATES:
            self.followed[names] = layers
        return layers

    def layers_of(self, name: str, report: Report) -> tuple[Layer, ...]:
        """Those that a template stands for: what it extends, and itself on top."""
        template = self.by_name[name].tree
        below = self._below(template, (name,), report)
        return _as_layers(below | {name: template.without("extends")})

    def _below(self, tree: Mapping, path: tuple[str, ...], report: Report) -> dict[str, Mapping]:
        found: dict[str, Mapping] = {}
        extends = tree.get("extends")
        if extends is not None and not is_null(extends):
            self._collect(extends, found, path, report)
        return found

    def _collect(
        self, extends: Node, found: dict[str, Mapping], path: tuple[str, ...], report: Report
    ) -> None:
        for node in _names(extends, report):
            name = str(node.value)
            template = self.by_name.get(name)
            if name in path:
                self._report_circle(node, path[path.index(name) :], report)
            elif template is None:
                if report.takes(node, "E234"):
                    message = f"no template is named '{shortened(name)}'"
                    report.at(node, "E234", message, help=self._known(name))
            elif name in self.too_deep:
                self.too_deep.update(path)  # what stands over it is deeper still
            elif len(found) + len(path) >= MOST_TEMPLATES:
                self.too_deep.update(path)
                report.at(
                    node, "E235", f"more than {MOST_TEMPLATES} templates stand over each other here",
                    help="put what they have in common into one",
                )  # fmt: skip
            elif name not in found:
                below = template.tree.get("extends")
                if below is not None and not is_null(below):
                    self._collect(below, found, (*path, name), report)
                found[name] = template.tree.without("extends")

    def _report_circle(self, node: Scalar, circle: tuple[str, ...], report: Report) -> None:
        if frozenset(circle) not in self.circles:
            self.circles.add(frozenset(circle))
            names = " → ".join([*circle, circle[0]])
            report.at(
                node, "E235", f"templates extend each other without end: {names}",
                help="remove one of them",
            )  # fmt: skip

    def _known(self, name: str) -> str:
        if not self.by_name:
            return "none is there at all; write templates: {…} in this file or the project file"
        guess = did_you_mean(name, tuple(self.by_name))
        known = f"there are: {listed(self.by_name)}"
        return f"did you mean '{guess}'? {known}" if guess else known


def read_templates(entry: Entry | None, known: Templates, report: Report) -> Templates:
    """Those below `templates:`, beside those that are known already."""
    if entry is None or is_null(entry.value):
        return known
    if not isinstance(entry.value, Mapping):
        report.at(
            entry.value, "E203", f"'templates' takes a mapping of names, not {kind(entry.value)}",
            help="write for example templates: {sync: {queue: sync, timeout: 10m}}",
        )  # fmt: skip
        return known
    found = dict(known.by_name)
    for name, (key, tree) in entry.value.entries.items():
        if not check_name(key, "the name of a template", report):
            continue
        if name in known.by_name:
            first = known.by_name[name].key
            report.at(
                key, "E237", f"the template '{name}' is defined a second time",
                help="rename one of the two, or remove it",
                notes=(f"first at {first.source.path}:{first.line}:{first.column}",),
            )  # fmt: skip
        elif not isinstance(tree, Mapping):
            report.at(
                key if is_null(tree) else tree, "E203", f"a template is a mapping, not {kind(tree)}",
                help="write keys of a job below the name, indented",
            )  # fmt: skip
        else:
            check_keys(tree, "a template", report)
            found[name] = Template(key, written_out(tree))
    return Templates(found, {*known.circles}, too_deep={*known.too_deep})


def _as_layers(found: dict[str, Mapping]) -> tuple[Layer, ...]:
    if not found:
        return ()
    return tuple(Layer(f"template {name}", tree) for name, tree in found.items())


def _names(extends: Node, report: Report) -> list[Scalar]:
    """The names of one value or a list of them; what is no text is reported."""
    items = extends.items if isinstance(extends, Sequence) else (extends,)
    names = []
    for item in items:
        if isinstance(item, Scalar) and isinstance(item.value, str):
            names.append(item)
        else:
            report.at(
                item, "E203", f"'extends' takes the name of a template or a list, not {kind(item)}",
                help="write extends: name, or extends: [first, second]",
            )  # fmt: skip
    return names
