"""The path below which a proxy shows the app, whether it passes it on or takes it off."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Prefix:
    """ASGI middleware. From here on every path begins with the prefix, which is `root_path`."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, with the prefix."""
        path = scope.get("path")
        if path is not None:
            is_below = f"{path}/".startswith(f"{self._prefix}/")
            scope = {
                **scope,
                "root_path": self._prefix,
                "path": path if is_below else self._prefix + path,
            }
        await self.app(scope, receive, send)
