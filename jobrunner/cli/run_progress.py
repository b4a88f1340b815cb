"""What a run says of itself, for `runs show`: how far it is, and its phases with what they took."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobrunner.cli.layout import text
from jobrunner.cli.style import style
from jobrunner.wording.times import took


def progress_text(progress: Mapping[str, Any]) -> str:
    """`40 %  four of ten`; '' where only phases were told."""
    if progress["percent"] is None:
        return ""
    return f"{progress['percent']:.3g} %  {text(progress['message'])}".rstrip()


def phase_lines(progress: Mapping[str, Any], *, indent: str) -> list[str]:
    """One line a phase, those within another further in."""
    phases = progress["phases"]
    if not phases:
        return []
    names = ["  " * phase["depth"] + text(phase["name"]) for phase in phases]
    width = max(len(name) for name in names)
    lines = [
        f"{indent}{name:<{width}}  {_lasted(phase)}"
        for name, phase in zip(names, phases, strict=True)
    ]
    if progress["phases_left_out"]:
        lines.append(f"{indent}and {progress['phases_left_out']:,} phases more")
    return lines


def _lasted(phase: Mapping[str, Any]) -> str:
    if phase["ended_at"] is None:
        return style("not ended", "quiet")
    begun, ended = (datetime.fromisoformat(phase[key]) for key in ("started_at", "ended_at"))
    error = "" if phase["error"] is None else "  " + style(text(phase["error"]), "bad")
    return f"{took(ended - begun)}{error}"
