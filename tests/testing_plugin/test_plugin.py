"""The plugin in a project of its own: loaded by its entry point, in a process of its own."""

import subprocess
import sys

import pytest


def passes(shop: pytest.Pytester, body: str) -> None:
    shop.makepyfile(test_shop=body)
    shop.runpytest_subprocess("-q").assert_outcomes(passed=1)


def fails(shop: pytest.Pytester, body: str, told: str) -> None:
    shop.makepyfile(test_shop=body)
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{told}*"])


def test_a_job_is_called_with_its_arguments_made_to_fit(shop: pytest.Pytester) -> None:
    passes(
        shop,
        """
        def test_it(run_job):
            assert run_job("shop/charge", day="2026-11-21") == ("date", "EUR")
        """,
    )


def test_the_callable_knows_its_run(shop: pytest.Pytester) -> None:
    passes(
        shop,
        """
        def test_it(run_job):
            assert run_job("shop/who") == ("shop/who", 1, 3600.0)
        """,
    )


def test_a_coroutine_is_awaited(shop: pytest.Pytester) -> None:
    passes(shop, "def test_it(run_job): assert run_job('shop/fetch') == 'fetched'")


def test_coroutines_of_all_tests_share_one_loop(shop: pytest.Pytester) -> None:
    passes(
        shop,
        """
        def test_it(run_job):
            assert [run_job("shop/loop"), run_job("shop/loop")] == [1, 1]
        """,
    )


def test_what_the_callable_raises_passes_through(shop: pytest.Pytester) -> None:
    passes(
        shop,
        """
        import pytest

        def test_it(run_job):
            with pytest.raises(ConnectionError, match="refused"):
                run_job("shop/fail")
        """,
    )


def test_a_secret_is_opened_where_it_is_allowed(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_CURRENCY", "CHF")
    monkeypatch.setenv("JOBRUNNER_SECRETS_ALLOW", "env:SHOP_*")
    passes(shop, "def test_it(run_job): assert run_job('shop/sensitive') == ('date', 'CHF')")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ('run_job("shop/charge")', "missing a required argument: 'day'"),
        ('run_job("shop/charge", day="tomorrow")', "shop_tasks.charge"),
        ('run_job("shop/nobody")', "There is no job shop/nobody"),
        ('run_job("shop/charge", day={1})', "A run cannot have these arguments"),
    ],
)
def test_what_a_worker_would_refuse_is_refused(shop: pytest.Pytester, call: str, told: str) -> None:
    fails(shop, f"def test_it(run_job): {call}", told)


def test_the_times_of_a_schedule_are_those_of_its_zone(shop: pytest.Pytester) -> None:
    passes(
        shop,
        """
        from datetime import UTC, datetime

        def test_it(next_runs):
            start = datetime(2026, 10, 24, 12, tzinfo=UTC)
            assert next_runs("shop/charge#default", start, 2) == [
                datetime(2026, 10, 25, 4, 30, tzinfo=UTC),
                datetime(2026, 10, 26, 4, 30, tzinfo=UTC),
            ]
        """,
    )


def test_the_start_itself_is_no_next_time(shop: pytest.Pytester) -> None:
    passes(
        shop,
        """
        from datetime import UTC, datetime

        def test_it(next_runs):
            (first,) = next_runs("shop/charge#default", datetime(2026, 1, 1, tzinfo=UTC), 1)
            assert next_runs("shop/charge#default", first, 1) != [first]
        """,
    )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            'next_runs("shop/charge#no", datetime.now(UTC), 1)',
            "There is no schedule shop/charge#no",
        ),
        ('next_runs("shop/charge#default", datetime(2026, 1, 1), 1)', "has no time zone"),
    ],
)
def test_what_has_no_times_is_refused(shop: pytest.Pytester, call: str, told: str) -> None:
    fails(shop, f"from datetime import UTC, datetime\ndef test_it(next_runs): {call}", told)


CHECK = "def test_it(assert_plan_empty): assert_plan_empty()"


def test_a_plan_that_is_not_empty_fails_with_its_changes(
    shop: pytest.Pytester, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)
    fails(shop, CHECK, "does not match the files: create shop/charge, create shop/fail")


def test_after_an_apply_the_plan_is_empty(
    shop: pytest.Pytester, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBRUNNER_DATABASE_URL", database_url)
    applied = shop.run(sys.executable, "-m", "jobrunner", "apply", "--yes")
    assert applied.ret == 0
    passes(shop, CHECK)


def test_without_a_database_the_setting_is_named(shop: pytest.Pytester) -> None:
    fails(shop, CHECK, "No database is known")


def test_files_with_mistakes_are_told(shop: pytest.Pytester) -> None:
    shop.path.joinpath("jobs.d", "shop.yaml").write_text("version: 1\njobs: 3\n", encoding="utf-8")
    fails(shop, "def test_it(run_job): run_job('shop/who')", "ConfigurationError")


def test_the_plugin_costs_the_tests_of_others_nothing() -> None:
    looked = "import sys, jobrunner.testing; print({'celery', 'sqlalchemy', 'pydantic'} & {*sys.modules})"
    told = subprocess.run(
        [sys.executable, "-c", looked], check=True, capture_output=True, text=True
    )
    assert told.stdout == "set()\n"
