"""A jump of the database's clock, told from the time that passes."""

from jobrunner.clock import ClockWatch


def test_time_that_passes_on_both_clocks_is_no_jump() -> None:
    watch = ClockWatch()
    assert watch.look(1_000.0, steady_before=5.0, steady_after=5.1) is None
    assert watch.look(4_600.0, steady_before=3_605.0, steady_after=3_605.1) is None
    assert watch.why_held == ""


def test_fault_28_more_than_a_minute_ahead_holds_catch_up_until_it_is_settled() -> None:
    watch = ClockWatch()
    watch.look(1_000.0, steady_before=5.0, steady_after=5.1)
    assert watch.look(4_601.0, steady_before=6.0, steady_after=6.0) == 3_600.0
    assert watch.why_held == "the database's clock jumped 3,600 s ahead"
    assert watch.look(4_602.0, steady_before=7.0, steady_after=7.0) is None
    assert watch.why_held
    watch.settle()
    assert watch.why_held == ""


def test_a_clock_that_is_corrected_by_a_minute_or_put_back_holds_nothing() -> None:
    watch = ClockWatch()
    watch.look(1_000.0, steady_before=5.0, steady_after=5.0)
    assert watch.look(1_060.0, steady_before=5.5, steady_after=5.5) is None
    assert watch.look(500.0, steady_before=6.0, steady_after=6.0) is None


def test_a_process_that_is_frozen_while_it_asks_sees_no_jump() -> None:
    watch = ClockWatch()
    watch.look(1_000.0, steady_before=5.0, steady_after=305.0)
    assert watch.look(1_301.0, steady_before=306.0, steady_after=306.0) is None
    assert watch.look(1_302.0, steady_before=307.0, steady_after=907.0) is None
    assert watch.look(1_903.0, steady_before=908.0, steady_after=908.0) is None
