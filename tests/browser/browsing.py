"""A browser that looks at the pages from outside, and the app on a port of its own for it."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Told by the page itself, before any script of its own: whatever is called was a script that ran.
_TELL = """
for (const name of ["alert", "confirm", "prompt", "print"]) {
  window[name] = () => console.error("a script ran: " + name);
}
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("a policy was broken: " + event.violatedDirective + " by " + event.blockedURI);
});
"""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """The browser of this machine. AssertionError where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found is not None, f"no browser ({', '.join(NAMES)}) was found: type `make browser`"
    with sync_playwright() as playwright:
        # As root there is no sandbox, and the shared memory of a container is small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@contextmanager
def serve_app(app: FastAPI) -> Iterator[str]:
    """The address of the app, in a thread of this process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@dataclass
class Watched:
    """What a page did that it must not do."""

    origin: str
    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """From its next load on."""
        page.add_init_script(_TELL)
        page.on("console", self._take_message)
        page.on("pageerror", lambda error: self.found.append(f"{page.url}: {error}"))
        page.on("dialog", lambda dialog: self.found.append(f"{page.url}: {dialog.message}"))
        page.on("request", self._take_request)

    def _take_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"{message.location['url']}: {message.text}")

    def _take_request(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "data:")):
            self.found.append(f"a request to {request.url}")


def serious_faults(page: Page) -> list[str]:
    """What axe calls serious or critical, with where it is."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}"
        for each in violations
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
