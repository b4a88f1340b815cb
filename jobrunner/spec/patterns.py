"""The patterns of `include`: which paths they match."""

from fnmatch import fnmatchcase

ANY_FOLDERS = "**"


def parts_of(pattern: str) -> tuple[str, ...]:
    """A pattern folder by folder; `**` at its end stands for all files below,
    and `.` for none.
    """
    parts = ["/"] if pattern.startswith("/") else []  # matches nothing: no path has it
    for part in pattern.split("/"):
        if part in {"", "."}:
            continue
        if part != ANY_FOLDERS or parts[-1:] != [ANY_FOLDERS]:
            parts.append(part)
    if parts[-1:] == [ANY_FOLDERS]:
        parts.append("*")
    return tuple(parts) or ("",)


def step(name: str, parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """What is left to match below this name: () for a file that matches, None for neither.

    A hidden name only matches a part that starts with a dot itself, and never `**`. That `**` may stand
    for no folder at all is for the caller, who goes on without it as well.
    """
    part = parts[0]
    if name.startswith(".") and not part.startswith("."):
        return None
    if part == ANY_FOLDERS:
        return parts
    return parts[1:] if fnmatchcase(name, part) else None


def matches(path: str, pattern: str) -> bool:
    """Whether the pattern matches a path; both are relative, with forward slashes."""
    waiting = {parts_of(pattern)}
    for name in path.split("/"):
        waiting |= {parts[1:] for parts in waiting if parts[:1] == (ANY_FOLDERS,)}
        further = (step(name, parts) for parts in waiting if parts)
        waiting = {parts for parts in further if parts is not None}
    return () in waiting
