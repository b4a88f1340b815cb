"""What can be said, how it is bounded, and that it costs nothing."""

import time

import pytest

import jobrunner
from jobrunner.errors import UsageError
from jobrunner.saying import MESSAGE_CHARACTERS_MAX, PHASES_MAX, News, Said, heard


@pytest.mark.parametrize("percent", [-1, 100.1, float("nan"), float("inf"), "50", None])
def test_what_is_no_percentage_is_refused_in_a_sentence(percent: object) -> None:
    with pytest.raises(UsageError, match="is no percentage"):
        jobrunner.progress(percent)  # type: ignore[arg-type]  # that is what is tested


def test_outside_of_a_run_nothing_happens() -> None:
    jobrunner.progress(50, "nobody hears it")
    with jobrunner.phase("nobody sees it"):
        jobrunner.progress(100)


def test_what_is_confirmed_is_no_news() -> None:
    said = Said()
    said.tell(1, "")
    said.confirm(news_of(said))
    assert said.news() is None


def test_what_is_said_while_it_is_stored_is_news_the_next_time() -> None:
    said = Said()
    said.tell(1, "")
    news = news_of(said)
    said.tell(2, "")
    said.confirm(news)
    assert news_of(said).said["percent"] == 2


def test_news_that_could_not_be_stored_come_again() -> None:
    said = Said()
    said.tell(1, "")
    assert news_of(said).said == news_of(said).said


def test_a_message_is_cut_and_made_fit_for_the_database() -> None:
    said = Said()
    said.tell(1, "\x00\ud800" + "x" * 1000)
    message = news_of(said).said["message"]
    assert message.startswith("\ufffd\\ud800x")
    assert len(message) < MESSAGE_CHARACTERS_MAX + 10


def test_phases_beyond_the_bound_are_counted() -> None:
    said = Said()
    with heard(said):
        for _ in range(PHASES_MAX + 3):
            with jobrunner.phase("again"):
                pass
    news = news_of(said).said
    assert (len(news["phases"]), news["phases_left_out"]) == (PHASES_MAX, 3)


def test_a_phase_under_way_has_no_end() -> None:
    said = Said()
    with heard(said), jobrunner.phase("load"):
        assert news_of(said).said["phases"][0]["ended_at"] is None


def test_an_exception_passes_through_a_phase() -> None:
    with heard(Said()), pytest.raises(ZeroDivisionError), jobrunner.phase("divide"):
        raise ZeroDivisionError


def test_a_hundred_thousand_words_take_less_than_a_second() -> None:
    said = Said()
    begun = time.process_time()
    with heard(said):
        for number in range(100_000):
            jobrunner.progress(number / 1000, "on its way")
    assert time.process_time() - begun < 1


def news_of(said: Said) -> News:
    news = said.news()
    assert news is not None
    return news
