"""`jobrunner render` and `jobrunner explain --origin`: what a job is in the end, and why."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.calling import call

PROJECT = """\
project: acme
environments: {prod: {vars: {BUCKET: prd}}, off: {enabled: false}}
defaults: {owner: ops}
templates: {sync: {queue: sync, timeout: 10m}}
"""
JOBS = """\
namespace: crm
jobs:
  sync:
    extends: sync
    matrix: {region: [eu, us]}
    task: crm.tasks.sync
    kwargs: {region: "${matrix.region}", bucket: "${BUCKET:-dev}"}
  purge: {task: crm.tasks.purge, queue: purge}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobrunner.yaml").write_text(PROJECT)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "crm.yaml").write_text(JOBS)
    return tmp_path


def test_one_job_is_rendered_as_it_is_in_an_environment(folder: Path) -> None:
    told = call("render", "crm/sync-eu", "-e", "prod", folder=folder)
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout == (
        "version: 1\nnamespace: crm\njobs:\n  sync-eu:\n    task: crm.tasks.sync\n    kwargs:\n"
        "      region: eu\n      bucket: prd\n    queue: sync\n    timeout: 10m\n    owner: ops\n"
    )


def test_all_jobs_are_rendered_without_an_address(folder: Path) -> None:
    (document,) = yaml.safe_load_all(call("render", folder=folder).stdout)
    assert list(document["jobs"]) == ["purge", "sync-eu", "sync-us"]


def test_what_is_built_in_is_written_on_demand(folder: Path) -> None:
    (document,) = json.loads(
        call("render", "crm/purge", "--all", "-o", "json", folder=folder).stdout
    )
    assert document["jobs"]["purge"]["overlap"] == "skip"


def test_a_job_that_is_not_there_names_the_one_that_was_meant(folder: Path) -> None:
    told = call("render", "crm/sync", folder=folder)
    assert (told.exit_code, told.stdout) == (1, "")
    assert "Did you mean crm/sync-" in told.stderr


def test_an_environment_that_is_not_there_is_a_mistake_of_every_command(folder: Path) -> None:
    for command in (["render"], ["validate"], ["next", "crm/purge"], ["explain", "crm/purge"]):
        told = call(*command, "-e", "prd", folder=folder)
        assert told.exit_code == 1
        assert "no environment is named 'prd'" in told.stdout + told.stderr


def test_variables_come_from_the_surroundings_under_their_own_prefix_alone(folder: Path) -> None:
    environ = {"JOBRUNNER_VAR_BUCKET": "mine", "BUCKET": "not-mine"}
    told = call("render", "crm/sync-us", "-e", "prod", folder=folder, environ=environ)
    assert "bucket: mine\n" in told.stdout


def test_origins_are_a_table_with_what_was_replaced_and_what_is_built_in(folder: Path) -> None:
    told = call("explain", "crm/sync-eu", "--origin", "-e", "off", folder=folder).stdout
    lines = [line.split() for line in told.splitlines()]
    assert ["queue", "sync", "template", "sync", "jobrunner.yaml:4:27"] in lines
    assert ["enabled", "false", "environment", "off", "jobrunner.yaml:2:60"] in lines
    assert "kwargs.bucket  dev = ${BUCKET:-dev}" in told
    assert "built in: retry.max_retries 0" in told


def test_origins_are_records_for_programs(folder: Path) -> None:
    told = call("explain", "crm/purge", "--origin", "-o", "json", folder=folder).stdout
    found = {record["field"]: record for record in json.loads(told)}
    assert found["queue"] == {
        "field": "queue", "value": "purge", "layer": "job", "file": "jobs.d/crm.yaml", "line": 8,
        "column": 41, "written": None, "replaced": [],
    }  # fmt: skip


def test_origins_of_a_job_that_is_not_there_name_the_one_that_was_meant(folder: Path) -> None:
    told = call("explain", "crm/prge", "--origin", folder=folder)
    assert (told.exit_code, "Did you mean crm/purge?" in told.stderr) == (1, True)


def test_a_form_for_programs_needs_origins(folder: Path) -> None:
    assert call("explain", "crm/purge", "-o", "json", folder=folder).exit_code == 64
