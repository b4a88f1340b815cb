"""HEAD, as whoever looks after links and servers asks: what GET would answer, without its body."""

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """ASGI middleware. From here on there is no HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on as GET, and keep back what comes behind the headers."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        with CancelScope() as work:

            async def send_head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                    await send({"type": "http.response.body"})
                elif message.get("more_body"):
                    work.cancel()  # a stream would go on for as long as its run does

            await self.app({**scope, "method": "GET"}, receive, send_head)
