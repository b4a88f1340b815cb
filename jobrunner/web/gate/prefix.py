"""The path below which browsers see the app, whether what stands before it passes it on or takes it off."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Prefix:
    """ASGI middleware; `own` is `web_prefix`. From here on every path begins with the prefix."""

    def __init__(self, app: ASGIApp, own: str) -> None:
        self.app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, with the prefix, which is `root_path`."""
        path = scope.get("path")
        if path is not None:
            prefix = prefix_of(scope, self._own)
            scope = {**scope, "root_path": prefix, "path": self._below(prefix, path)}
        await self.app(scope, receive, send)

    def _below(self, prefix: str, path: str) -> str:
        if _is_below(prefix, path):
            return path
        # A host's `FastAPI(root_path=…)` stands in front of `own`, but not in front of the path.
        return prefix + (path.removeprefix(self._own) if _is_below(self._own, path) else path)


def prefix_of(scope: Scope, own: str) -> str:
    """What a server or the app of a host says of it (`root_path`, with `own` in it); else `own`."""
    return scope.get("root_path") or own


def _is_below(prefix: str, path: str) -> bool:
    return f"{path}/".startswith(f"{prefix}/")
