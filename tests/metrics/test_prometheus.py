"""A real Prometheus scrapes and answers every query (`apt-get install prometheus`)."""

import json
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine

from jobrunner.metrics.collector import scrape
from tests.metrics.promql import without_variables
from tests.metrics.queries import PROMETHEUS, QUERIES, RULES, dashboard_queries
from tests.metrics.world import end_more, fill
from tests.waiting import wait_until

pytestmark = pytest.mark.system


@pytest.fixture
def address(engine: Engine) -> Iterator[str]:
    """Where the metrics of the database are served."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = scrape(engine, namespaces=None, celery_names=True, series_max=10_000)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Prometheus:
    """One that scrapes every second."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, query: str) -> list[Any]:
        """The series of the answer; none while it does not answer."""
        asked = urllib.parse.urlencode({"query": without_variables(query)})
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/query?{asked}") as answer:  # noqa: S310  our own
                found: list[Any] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            if (
                error.code == HTTPStatus.SERVICE_UNAVAILABLE
            ):  # it listens before it has read its own files
                return []
            raise AssertionError(error.read()) from error
        except OSError:
            return []
        return found


@pytest.fixture
def prometheus(tmp_path: Path, address: str) -> Iterator[Prometheus]:
    """With our configuration and our rules."""
    config = yaml.safe_load(PROMETHEUS.read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [address]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "alerts.yml").write_bytes(RULES.read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as free:
        listening = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address={listening}",
            "--log.level=error",
        ]
    )
    yield Prometheus(f"http://{listening}")
    process.terminate()
    process.wait(10)


def test_every_query_of_the_dashboard_has_an_answer(engine: Engine, prometheus: Prometheus) -> None:
    fill(engine)
    wait_until(partial(prometheus.ask, "jobrunner_runs_total"))
    end_more(engine)  # a rate is that of something that grows
    for query in dashboard_queries().values():
        wait_until(partial(prometheus.ask, query))


@pytest.mark.parametrize("title", QUERIES)
def test_every_query_is_one(title: str, tmp_path: Path) -> None:
    rule = {"alert": "x", "expr": without_variables(QUERIES[title])}
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": [rule]}]}))
    subprocess.run(["promtool", "check", "rules", rules], check=True, capture_output=True)


def test_our_rules_and_configuration_are_accepted() -> None:
    subprocess.run(["promtool", "check", "config", PROMETHEUS], check=True, capture_output=True)
