"""Style, scripts and the icon: read once, known by name, kept by browsers while they stay the same."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from jobrunner.errors import NotFound
from jobrunner.web.security import PUBLIC

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_A_YEAR = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    content: bytes
    zipped: bytes
    media_type: str
    version: str
    """Another one for another content: it stands in the address, so that no browser keeps an old one."""


@cache
def static_files() -> Mapping[str, StaticFile]:
    """All there are, by their path below `static/`. No name of a request ever reaches the file system."""
    paths = (path for path in _FOLDER.rglob("*") if path.suffix in _TYPES)
    return {path.relative_to(_FOLDER).as_posix(): _read(path) for path in paths}


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(
        content=content,
        zipped=gzip.compress(content, mtime=0),
        media_type=_TYPES[path.suffix],
        version=hashlib.sha256(content).hexdigest()[:12],
    )


@router.get("/static/{name:path}", dependencies=[PUBLIC])
def static_file(request: Request, name: str) -> Response:
    """One of them, compressed for whoever takes it."""
    file = static_files().get(name)
    if file is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": _A_YEAR, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(file.content, media_type=file.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(file.zipped, media_type=file.media_type, headers=headers)
