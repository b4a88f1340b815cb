"""Hostile texts in everything that a page shows, looked at with a browser: they stay texts."""

import json
import uuid
from collections.abc import Sequence

from sqlalchemy import insert, update

from jobrunner.access.caller import Role
from jobrunner.access.tokens import new_token
from jobrunner.db import tables
from jobrunner.db.pending import leave_pending
from jobrunner.db.tokens import insert_token
from tests.browser.browsing import Watched
from tests.browser.conftest import Site
from tests.browser.payloads import PAYLOADS
from tests.ledger import NOON

_MARK = "hostile-{} "
_LISTS = (
    "/",
    "/jobs",
    "/jobs?text=%3Cscript%3Ealert(1)%3C/script%3E",
    "/jobs?tag=%22%3E%3Cimg+src=x+onerror=alert(1)%3E&after=test/job-50",
    "/runs",
    "/runs?text=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "/runs?job=%22onfocus=alert(1)+autofocus+x=%22",
    "/queues",
    "/audit",
    "/audit?actor=%22%3E%3Csvg+onload=alert(1)%3E",
    "/audit?action=token.create",
    "/changes",
    "/calendar",
    "/zone?next=javascript:alert(1)",
    "/sign-in?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
)

_WAITING_ON = ("/changes", "/audit?action=token.create")


def _put_everywhere(site: Site, number: int, text: str) -> uuid.UUID:
    """In every column that holds what somebody wrote; the run that has it too."""
    ledger = site.ledger
    told = _MARK.format(number) + text
    job_id = ledger.add_job(
        name=f"job-{number}",
        description=told,
        owner=told,
        tags=[told[:100]],
        kwargs={told: told, "list": [told]},
        links={told: "https://wiki.example/"},
    )
    ledger.add_schedule(job_id, "default")
    run_id = ledger.add_run(
        job_id, created_by=told, kwargs={"given": told, told: 1}, attempt=1, request_key=told
    )
    ledger.end_run(
        run_id,
        "failed",
        error=told,
        worker=told,
        result={told: told},
        on_end_error=told,
        traceparent=f"00-{told}-1-1".replace("00-hostile-", "00-hostile"),
        progress={
            "attempt": 1,
            "percent": 50,
            "message": told,
            "phases": [
                {
                    "name": told,
                    "depth": 1,
                    "started_at": NOON.isoformat(),
                    "ended_at": None,
                    "error": told,
                }
            ],
            "phases_left_out": 0,
        },
    )
    by = {"actor": told, "action": told, "target": told, "details": {"reason": told, told: told}}
    claim = {"claim_token": uuid.uuid4(), "worker": told, "pid": 1, "started_at": NOON}
    with site.engine.begin() as connection:
        for table, row in (
            (tables.attempts, {**claim, "run_id": run_id, "number": 1, "state": "failed", "error_type": told,
                               "finished_at": NOON, "error": told, "traceback": told}),
            (tables.run_logs, {"run_id": run_id, "attempt": 1, "sequence": 0, "text": told}),
            (tables.pauses, {"scope": "job", "target": f"test/job-{number}", "reason": told,
                             "paused_by": told}),
            (tables.pauses, {"scope": "tag", "target": told[:100], "reason": told, "paused_by": told}),
            (tables.audit, by),
            (tables.refused_messages, {"worker": told, "reason": told, "message": told}),
            (tables.processes, {"id": uuid.uuid4(), "kind": "worker", "name": told, "host": told, "pid": 1,
                                "version": told, "details": {"queues": [told], "concurrency": 1}}),
            (tables.revisions, {"project_id": 1, "number": number + 1, "author": told, "git_commit": told,
                                "digest": "", "changes": []}),
        ):  # fmt: skip
            connection.execute(insert(table).values(**row))
        of_job = tables.schedules.c.job_id == job_id
        connection.execute(update(tables.schedules).where(of_job).values(error=told))
        connection.execute(
            update(tables.jobs).where(tables.jobs.c.id == job_id).values(file=told, queue=told)
        )
    return run_id


def _let_wait(site: Site, texts: Sequence[str]) -> None:
    """In a plan that waits for a person, and in the name of a token, which the audit tells."""
    told = [_MARK.format(number) + text for number, text in enumerate(texts)]
    with site.engine.begin() as connection:
        leave_pending(
            connection,
            project="test",
            digest=told[0],
            plan={"changes": [_change(each) for each in told]},
            reason="\n".join(told),
            made_by=told[0],
        )
        for each in told:
            insert_token(
                connection, new_token(), name=each, subject=each, role=Role.VIEWER, created_by=each
            )


def _change(told: str) -> dict[str, object]:
    field = {"path": told, "kind": "changed", "old": told, "new": [told], "line": 1, "file": told}
    following: dict[str, object] = {
        "name": told,
        "next_before": NOON.isoformat(),
        "next_after": None,
        "never": told,
        "skipped": [],
        "doubled": [],
    }
    return {
        "action": "update",
        "address": told,
        "file": told,
        "line": 1,
        "owner": told,
        "moved_from": told,
        "replaces": told,
        "looks_renamed_from": told,
        "pauses": [{"scope": "tag", "target": told, "paused_by": told}],
        "fields": [field],
        "schedules": [following],
    }


def test_fault_79_hostile_texts_run_nothing_break_no_policy_and_load_nothing(
    site: Site,
) -> None:
    texts = ["\n".join(PAYLOADS[at : at + 8]) for at in range(0, len(PAYLOADS), 8)]
    runs = [_put_everywhere(site, *each) for each in enumerate(texts)]
    _let_wait(site, texts)
    page, watched = site.context.new_page(), Watched(site.address)
    watched.watch(page)
    unseen = []
    for number, run_id in enumerate(runs):
        for path in (f"/runs/{run_id}", f"/jobs/test/job-{number}"):
            page.goto(site.address + path)
            if page.inner_text("main").count(_MARK.format(number)) < 5:
                unseen.append(path)
    for path in _LISTS:
        page.goto(site.address + path)
        page.wait_for_load_state("networkidle")
        if path in _WAITING_ON and page.inner_text("main").count(_MARK.format(0)) < 3:
            unseen.append(path)
    assert (watched.found, unseen) == ([], [])


def test_fault_79_what_a_run_writes_while_it_is_looked_at_stays_text(
    site: Site,
) -> None:
    ledger = site.ledger
    run_id = ledger.add_run(ledger.add_job())
    ledger.claim(run_id)
    page, watched = site.context.new_page(), Watched(site.address)
    watched.watch(page)
    page.goto(f"{site.address}/runs/{run_id}")
    for number, payload in enumerate(PAYLOADS):
        row = {"run_id": run_id, "attempt": 1, "sequence": number, "text": payload + "\n"}
        with site.engine.begin() as connection:
            connection.execute(insert(tables.run_logs).values(**row))
    ledger.end_run(run_id, "failed", error=PAYLOADS[0])
    page.locator("#log", has_text=PAYLOADS[-3].strip("\x1b")[-12:]).wait_for()
    page.locator("#now .notice", has_text=PAYLOADS[0]).wait_for()
    assert (
        json.dumps(page.locator("#log *").evaluate_all("all => all.map(one => one.tagName)"))
        == '["PRE"]'
    )
    assert watched.found == []


def test_fault_78_the_watcher_tells_of_a_script_that_runs(
    site: Site,
) -> None:
    page, watched = site.context.new_page(), Watched(site.address)
    watched.watch(page)
    page.goto(site.address + "/zone")
    page.evaluate("document.body.innerHTML = '<img src=x onerror=alert(1)>'")
    page.evaluate("alert(1)")
    page.wait_for_load_state("networkidle")
    assert any("a policy was broken: script-src" in each for each in watched.found)
    assert any("a script ran" in each for each in watched.found)
