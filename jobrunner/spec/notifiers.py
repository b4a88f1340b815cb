"""`notifiers`: where alerts go."""

import re
from urllib.parse import urlsplit

from jobrunner.spec.interpolation import Pending
from jobrunner.spec.keys import check_keys
from jobrunner.spec.models import JsonValue, Location
from jobrunner.spec.project import DefinedNotifier
from jobrunner.spec.report import Report
from jobrunner.spec.secrets import check_reference
from jobrunner.spec.tree import Entry, Mapping, Node, Scalar, is_null, kind, plain
from jobrunner.spec.values import check_name

_EXAMPLE = 'write for example oncall: {url: {secret: "env:ONCALL_URL"}}'
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
KEY_LIKE = re.compile(r"(?=[A-Za-z_-]*[0-9])(?=[0-9_-]*[A-Za-z])[A-Za-z0-9_-]{16,}")
"""Letters and digits without a word among them: in an address, all that keeps others out."""


def read_notifiers(node: Node | None, report: Report) -> dict[str, DefinedNotifier]:
    """What stands below `notifiers:`; one with a mistake is there all the same, so that no alert that
    names it is wrong, too.
    """
    if node is None or is_null(node):
        return {}
    if not isinstance(node, Mapping):
        message = f"'notifiers' takes a mapping of names, not {kind(node)}"
        report.at(node, "E203", message, help=_EXAMPLE)
        return {}
    return {
        name: DefinedNotifier(_read_url(item, report), _place(item.key))
        for name, item in node.entries.items()
        if check_name(item.key, "the name of a notifier", report)
    }


def _place(key: Scalar) -> Location:
    return Location(key.source.path, key.line, key.column)


def _read_url(item: Entry, report: Report) -> JsonValue:
    tree = item.value
    if not isinstance(tree, Mapping):
        node = item.key if is_null(tree) else tree
        # What stands there may be an address that opens a door.
        report.at(
            node, "E203", f"a notifier is a mapping, not {kind(tree)}", help=_EXAMPLE, shows_line=False
        )  # fmt: skip
        return ""
    is_known = check_keys(tree, "a notifier", report, shows_line=False)
    url = tree.get("url")
    if url is None or is_null(url):
        if is_known:
            report.at(item.key, "E205", "'url' is missing", help=_EXAMPLE)
        return ""
    if isinstance(url, Mapping):
        check_reference(url, report)
    else:
        _check_address(url, report)
    return plain(url)


def _check_address(node: Node, report: Report) -> None:
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(node, "E203", f"'url' takes an address, not {kind(node)}", help=_EXAMPLE)
    elif isinstance(node.value, Pending):
        pass  # it has no value, which has been told of
    elif not _ADDRESS.fullmatch(node.value):
        is_reference = node.value.startswith(("env:", "file:"))
        advice = 'write {secret: "env:NAME"}' if is_reference else "write it with https://"
        report.at(node, "E221", "'url' is no address", help=advice, shows_line=False)
    elif _opens_a_door(node.value):
        report.at(
            node, "W252", "the address holds what opens a door, and everybody can read it here",
            help='write {secret: "env:NAME"} in its place', shows_line=False,
        )  # fmt: skip


def _opens_a_door(address: str) -> bool:
    """A password or a user, a service whose address is made of keys, or a part that looks like one."""
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket of an IPv6 address that is not closed
        return False
    is_web = parts.scheme.lower() in {"http", "https", "json", "jsons"}
    named = "@" in parts.netloc
    return named or not is_web or bool(KEY_LIKE.search(f"{parts.path}?{parts.query}"))
