"""From values to a page. Every text is escaped, and what could turn or hide it is made visible.

A template gets what its route gives it and `view`, which every page has. Addresses are made by
`url`, which knows the prefix; times by `when`, which knows the zone the reader has chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from jobrunner.access.caller import Caller, Permission
from jobrunner.db.projects import API_OWNER
from jobrunner.web.context import Web
from jobrunner.web.gate.prefix import prefix_of
from jobrunner.web.static_files import static_files
from jobrunner.wording.foreign_text import safe
from jobrunner.wording.places import place
from jobrunner.wording.states import STATES, state_name
from jobrunner.wording.times import distance, short, took

ZONE_COOKIE = "jobrunner_zone"
_OF_MACHINES = ("/api/", "/metrics", "/static/")
_THIN_SPACE = "\u202f"
_SHORT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class View:
    """What every page has."""

    now: datetime
    zone: ZoneInfo
    """Of every time on the page."""
    caller: Caller | None
    """None: nobody has signed in yet."""
    csrf_token: str
    """In each form that changes something; '' without a session."""
    path: str
    """Of this page, below the prefix, with its query."""
    prefix: str
    source_link: str
    """The setting `web_source_link`."""

    def may(self, what: str, namespace: str) -> bool:
        """Whether the caller may `READ`, `OPERATE` or `ADMINISTER` what belongs to the namespace."""
        return self.caller is not None and self.caller.may(Permission[what], namespace)

    def has(self, what: str) -> bool:
        """Whether he may anywhere."""
        return self.caller is not None and self.caller.has(Permission[what])


def page(
    request: Request,
    caller: Caller | None,
    template: str,
    *,
    status_code: int = 200,
    **values: Any,
) -> HTMLResponse:
    """The template filled in, for whoever asks."""
    text = _ENVIRONMENT.get_template(template).render(view=_view_of(request, caller), **values)
    return HTMLResponse(text, status_code=status_code)


def see_other(request: Request, path: str, **query: object) -> RedirectResponse:
    """After an act: the page at `path` (below the prefix) is to be looked at next."""
    return RedirectResponse(_address(link_prefix(request), path, query), status_code=303)


def problem_page(request: Request, *, status_code: int, title: str, hint: str) -> HTMLResponse:
    """What went wrong, and what to do next, for a person."""
    caller = getattr(request.state, "caller", None)
    return page(request, caller, "problem.html", status_code=status_code, title=title, hint=hint)


def _view_of(request: Request, caller: Caller | None) -> View:
    web: Web = request.app.state.web
    return View(
        now=web.now(),
        zone=zone_of(request),
        caller=caller,
        csrf_token=getattr(request.state, "csrf_token", ""),
        path=path_below_prefix(request),
        prefix=link_prefix(request),
        source_link=web.settings.web_source_link,
    )


def is_for_person(request: Request) -> bool:
    """Whether a browser asks, for something that is not of the API."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not path_below_prefix(request).startswith(_OF_MACHINES)


def path_below_prefix(request: Request) -> str:
    """What was asked for, with its query."""
    path = str(request.scope["path"]).removeprefix(link_prefix(request)) or "/"
    return f"{path}?{request.url.query}" if request.url.query else path


def link_prefix(request: Request) -> str:
    """What every address of a page begins with. Also for what is told outside of all middleware."""
    web: Web = request.app.state.web
    return prefix_of(request.scope, web.settings.web_prefix)


def zone_of(request: Request) -> ZoneInfo:
    """That of the reader's cookie; UTC without one, or with one that names no zone."""
    return known_zone(unquote(request.cookies.get(ZONE_COOKIE, ""))) or ZoneInfo("UTC")


def known_zone(name: str) -> ZoneInfo | None:
    """None for what is no zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, no name of a zone, the name of a folder
        return None


def local_path(text: str) -> str:
    """A path below the prefix, to go back to; `/` for whatever would lead elsewhere."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local else "/"


def _address(prefix: str, path: str, query: dict[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None and value != ""}
    return prefix + path + (f"?{urlencode(given, doseq=True)}" if given else "")


# --- What templates call ----------------------------------------------------------------------------


@pass_context
def _url(context: Context, path: str, **query: Any) -> str:
    """An address below the prefix; a part of the query that is None or '' is left out."""
    return _address(context["view"].prefix, path, query)


@pass_context
def _static(context: Context, name: str) -> str:
    return _address(context["view"].prefix, f"/static/{name}", {"v": static_files()[name].version})


@pass_context
def _when(context: Context, moment: datetime | None) -> str:
    """How far away it is; when exactly, with the zone, where it is pointed at or focused."""
    if moment is None:
        return Markup("")
    view: View = context["view"]
    return _time(moment, distance(moment, view.now), short(moment, view.zone, near=view.now))


@pass_context
def _at(context: Context, moment: datetime | None) -> str:
    """When exactly; how far away it is where it is pointed at or focused."""
    if moment is None:
        return Markup("")
    view: View = context["view"]
    return _time(moment, short(moment, view.zone, near=view.now), distance(moment, view.now))


def _time(moment: datetime, shown: str, more: str) -> Markup:
    # Not by Markup.format, which takes five times as long: a table has hundreds of them.
    return Markup(  # noqa: S704  each part is escaped
        f'<time class="when" tabindex="0" datetime="{moment.astimezone(UTC).isoformat()}">'
        f'{escape(shown)}<span class="more">{escape(more)}</span></time>'
    )


@pass_context
def _csrf_field(context: Context) -> Markup:
    token = context["view"].csrf_token
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(token)


@pass_context
def _source_link(context: Context, file: str, line: int, commit: str | None) -> str:
    """Where a line of a file is looked at; '' where nobody has said where, or for no commit."""
    template: str = context["view"].source_link
    parts = {"{commit}": quote(commit or ""), "{file}": quote(file), "{line}": str(line)}
    for gap, part in parts.items():
        template = template.replace(gap, part)
    return template if commit else ""


def _state(state: str, *, held: bool = False) -> Markup:
    """Symbol and word."""
    name = state_name(state, held=held)
    symbol, role = STATES[name]
    return Markup(  # noqa: S704  each part is escaped
        f'<span class="state {escape(role)}"><span class="mark" aria-hidden="true">'
        f"{escape(symbol)}</span> {escape(name.replace('_', ' '))}</span>"
    )


def _count(number: int) -> str:
    """`12 345`, with thin spaces."""
    return f"{number:,}".replace(",", _THIN_SPACE)


def _counted(number: int, noun: str, nouns: str = "") -> str:
    """`1 job`, `12 345 jobs`."""
    return f"{_count(number)} {noun if number == 1 else nouns or noun + 's'}"


def _took(duration: timedelta | None) -> str:
    return "" if duration is None else took(duration)


def _shortened(text: str | None) -> str:
    """Its beginning, for a row of a list; all of it stands on the page that the row leads to."""
    told = text or ""
    return told if len(told) <= _SHORT_CHARACTERS else f"{told[: _SHORT_CHARACTERS - 1].rstrip()}…"


def _of_project(name: str) -> str:
    """Its name for a reader: no file gives that of the project which holds the jobs of programs."""
    return "the API" if name == API_OWNER else name


def coded(words: str) -> Markup:
    """Sentences of errors, which have commands between backticks."""
    parts = [escape(safe(part)) for part in words.split("`")]
    if len(parts) % 2 == 0:  # one of them belongs to nothing
        return Markup("`").join(parts)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else part
        for index, part in enumerate(parts)
    )


def _shown(value: Any) -> Any:
    """What every `{{ }}` goes through: nothing for None, and no character that is not seen."""
    if value is None:
        return ""
    return safe(value) if type(value) is str else value


def _make_environment() -> Environment:
    made = Environment(
        loader=PackageLoader("jobrunner.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    called: dict[str, Callable[..., str]] = {
        "url": _url,
        "static": _static,
        "csrf_field": _csrf_field,
        "source_link": _source_link,
        "state": _state,
        "distance": distance,
        "place": place,
    }
    made.globals.update(called)
    made.filters.update(
        when=_when,
        at=_at,
        count=_count,
        counted=_counted,
        took=_took,
        shortened=_shortened,
        of_project=_of_project,
        coded=coded,
    )
    return made


_ENVIRONMENT = _make_environment()
