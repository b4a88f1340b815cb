"""Crontabs line by line: what becomes of a job, and why a line is none."""

import subprocess

import pytest

from jobrunner.importing.entries import Job, Left, Remark
from tests.importing.reading import command_of, cron_entries, cron_job, read_back, result_of


def reason(text: str) -> str:
    """Why the only entry of a crontab is no job."""
    (entry,) = cron_entries(text)
    assert isinstance(entry, Left)
    return entry.reason


def output_of(line: str) -> str:
    """What a line's command writes, run as a worker runs it."""
    words = command_of(line)
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=10).stdout


def test_a_line_of_a_user_is_a_command_and_a_schedule() -> None:
    job = cron_job("*/5 1-3 * jan,Feb mon-fri /usr/bin/backup --all\n")
    assert job.keys == {"command": ["/usr/bin/backup", "--all"]}
    assert job.schedule == {"cron": "*/5 1-3 * jan,Feb mon-fri", "timezone": "UTC"}
    assert (job.where, job.original) == (
        "crontab:1",
        "*/5 1-3 * jan,Feb mon-fri /usr/bin/backup --all",
    )


def test_a_line_of_the_system_has_its_user_as_a_tag_and_in_a_note() -> None:
    job = cron_job("17 *\t* * *  root\trun-parts /etc/cron.hourly", form="system")
    assert job.keys == {"tags": ["user:root"], "command": ["run-parts", "/etc/cron.hourly"]}
    assert job.notes == ("runs as root there; here as the user of the worker",)


@pytest.mark.parametrize(
    "word", ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly"]
)
def test_a_macro_stays(word: str) -> None:
    assert cron_job(f"{word} /bin/true").schedule["cron"] == word


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("@reboot /bin/true", "nothing starts with the machine here"),
        ("@sometimes /bin/true", "'@sometimes' is no macro"),
        ("61 * * * * /bin/true", "minute 61 is out of range"),
        ("0 0 30 2 * /bin/true", "can never match"),
        ("*/0 * * * * /bin/true", "a step of 0"),
        ("0 0 L * * /bin/true", "cron itself refuses 'L' as day-of-month"),
        ("0 0 * * 5#2 /bin/true", "cron itself refuses '5#2' as day-of-week"),
        ("H * * * * /bin/true", "cron itself refuses 'H' as minute"),
        ("0 22-2 * * * /bin/true", "runs backwards"),
        ("0 0 * * *", "too few fields"),
        ("MAILFROM=me@example.org", "it is about mail"),
        ("CRON_TZ=Mars/Olympus", "it holds for no line below"),
        ("LOGNAME=ops", "cron itself sets it"),
    ],
)
def test_what_is_no_job_says_why(line: str, part: str) -> None:
    assert part in reason(line)


def test_a_step_on_one_number_is_told_of() -> None:
    job = cron_job("5/10 * * * * /bin/true")
    assert job.schedule["cron"] == "5-59/10 * * * *"
    assert job.notes == ("'5/10' is read as 5-59/10; some crons take 5 alone",)


@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("10-10/5 * * * *", "10 * * * *"),
        ("0 0 * * 1-1/2", "0 0 * * 1"),
        ("0 0 * * mon-1/2", "0 0 * * mon"),
        ("0 0 1 Jan-jan/3 *", "0 0 1 Jan *"),
        ("5-05/10,20-40/10 * * * *", "5,20-40/10 * * * *"),
    ],
)
def test_a_step_on_a_range_of_one_number_is_that_number_as_in_cron(
    line: str, expression: str
) -> None:
    job = cron_job(f"{line} /bin/true")
    assert (job.schedule["cron"], job.notes) == (expression, ())


def test_a_random_number_becomes_one_that_stays() -> None:
    job = cron_job("0~29 ~ * * * /bin/true")
    assert job.schedule["cron"] == "H(0-29) H(0-23) * * *"
    assert job.old_times is None
    assert "cronie draws a number for '0~29'" in job.notes[0]


def test_variables_hold_for_the_lines_below_them() -> None:
    entries = cron_entries("0 1 * * * /bin/a\nPATH = /opt/bin\nLEVEL='3 4'\n0 2 * * * /bin/b\n")
    commands = [entry.keys["command"] for entry in entries if isinstance(entry, Job)]
    assert commands == [["/bin/a"], ["/usr/bin/env", "PATH=/opt/bin", "LEVEL=3 4", "/bin/b"]]


@pytest.mark.parametrize(
    ("shell", "line", "command"),
    [
        ("/bin/bash", "echo $A", ["/bin/bash", "-c", "echo $A"]),
        ("/bin/bash", "[[ -f a ]] && b", ["/bin/bash", "-c", "[[ -f a ]] && b"]),
        ("/bin/bash", "time backup", ["/bin/bash", "-c", "time backup"]),
        ("/usr/bin/fish", "backup --all", ["/usr/bin/fish", "-c", "backup --all"]),
        ("/bin/bash", "backup --all", ["backup", "--all"]),
        ("", "echo $A", ["/bin/sh", "-c", "echo $A"]),
    ],
)
def test_another_shell_runs_what_only_a_shell_reads(
    shell: str, line: str, command: list[str]
) -> None:
    (job,) = cron_entries(f"SHELL={shell}\n@daily {line}\n")
    assert isinstance(job, Job)
    assert job.keys["command"] == command


def test_below_another_shell_wrappers_become_keys_too() -> None:
    entries = cron_entries(
        "SHELL=/bin/bash\n@daily timeout 5m backup\n@daily flock -n /run/a.lock sync\n"
    )
    timed, locked = (entry.keys for entry in entries if isinstance(entry, Job))
    assert (timed["command"], timed["timeout"]) == (["backup"], "5m")
    assert (locked["command"], locked["overlap"]) == (["sync"], "skip")


def test_a_home_is_told_of_as_the_folder_that_cron_starts_in() -> None:
    (job,) = cron_entries("HOME=/srv/app\n@daily backup\n")
    assert isinstance(job, Job)
    assert job.keys["command"] == ["/usr/bin/env", "HOME=/srv/app", "backup"]
    assert job.notes == (
        "HOME=/srv/app: cron starts it in that folder, here it starts in the project's: write full paths",
    )


def test_an_empty_zone_is_that_of_the_machine_again() -> None:
    _, job = cron_entries(
        "CRON_TZ=Asia/Tokyo\n0 5 * * * /bin/a\nCRON_TZ=\n0 5 * * * /bin/b", timezone="Europe/Paris"
    )
    assert isinstance(job, Job)
    assert (job.schedule["timezone"], job.notes) == ("Europe/Paris", ())


def test_mailto_is_told_of() -> None:
    (job,) = cron_entries("MAILTO=ops@example.org\n@daily echo a\n")
    assert isinstance(job, Job)
    assert job.notes == ("MAILTO=ops@example.org: write alerts: to tell somebody when it fails",)


def test_a_zone_of_the_crontab_holds_and_is_told_of() -> None:
    (job,) = cron_entries("CRON_TZ=Asia/Tokyo\n0 5 * * * /bin/true")
    assert isinstance(job, Job)
    assert job.schedule["timezone"] == "Asia/Tokyo"
    assert "Debian's cron does not look at it" in job.notes[0]


def test_the_first_percent_sign_begins_the_input_and_the_others_break_its_lines() -> None:
    assert output_of("* * * * * cat%hello%big world") == "hello\nbig world\n"
    assert output_of("* * * * * cat # said%one%") == "one\n"
    assert output_of("* * * * * cat % it's $HOME") == " it's $HOME\n"


def test_an_escaped_percent_sign_is_one() -> None:
    assert output_of(r"* * * * * echo 50\% and \\") == "50% and \\\n"
    assert command_of(r"* * * * * date +\%d") == ["date", "+%d"]


@pytest.mark.parametrize(
    "line",
    [
        "a | b",
        "cd /",
        "X=1 a",
        "a $HOME",
        "a > b",
        "a 'b",
        "a *.txt",
        "a ~",
        "(a)",
        "a; b",
        "a {b,c}",
    ],
)
def test_what_a_shell_would_read_goes_to_the_shell(line: str) -> None:
    assert command_of(f"* * * * * {line}") == ["/bin/sh", "-c", line]


def test_quoted_words_need_no_shell() -> None:
    assert command_of("* * * * * a 'b c' \"d *\"") == ["a", "b c", "d *"]


def test_a_time_out_around_the_command_is_the_jobs() -> None:
    job = cron_job("@daily timeout 90m /bin/backup")
    assert (job.keys["command"], job.keys["timeout"]) == (["/bin/backup"], "1h30m")


@pytest.mark.parametrize("line", ["timeout -k 5 90 /bin/a", "timeout 0 /bin/a", "timeout 5m"])
def test_a_time_out_that_says_more_stays(line: str) -> None:
    assert command_of(f"@daily {line}") == line.split()


def test_a_lock_of_its_own_is_overlap_skip() -> None:
    job = cron_job("@daily flock -n /run/a.lock /bin/a -x")
    assert (job.keys["command"], job.keys["overlap"]) == (["/bin/a", "-x"], "skip")
    assert "a program elsewhere that takes this lock is not seen" in job.notes[0]


def test_a_lock_that_two_jobs_share_stays() -> None:
    entries = cron_entries("LEVEL=1\n@daily flock -n /run/l /bin/a\n@daily flock -n /run/l /bin/b")
    assert [entry.keys for entry in entries if isinstance(entry, Job)] == [
        {"command": ["/usr/bin/env", "LEVEL=1", "flock", "-n", "/run/l", "/bin/a"]},
        {"command": ["/usr/bin/env", "LEVEL=1", "flock", "-n", "/run/l", "/bin/b"]},
    ]


@pytest.mark.parametrize(
    "other",
    [
        "@daily cd /srv && flock -n /run/l /bin/b",
        "@daily flock /run/l /bin/b",
        "@daily flock -xn /run/l /bin/b",
        "@daily flock --nonblock /run/l /bin/b -x",
        "@daily flock -w 5 /run/l /bin/b",
        "@daily (flock 9; /bin/b) 9>/run/l",
        "@daily flock /var/run/l /bin/b",
        "@daily cd ~ && flock $DIR/l /bin/b",
        "@daily cat%flock '/run/l' /bin/b",
        "@reboot flock -n /run/l /bin/b",
        "L=/run/l\n@daily /bin/b",
    ],
)
def test_a_lock_that_another_line_names_in_whatever_way_stays_and_a_note_says_so(
    other: str,
) -> None:
    job, *_ = cron_entries(f"@daily flock -n /run/l /bin/a\n{other}")
    assert isinstance(job, Job)
    assert job.keys == {"command": ["flock", "-n", "/run/l", "/bin/a"]}
    (note,) = job.notes
    assert note.startswith("flock -n /run/l stays in the command: crontab:")
    assert "names this file, too" in note


@pytest.mark.parametrize(
    "other",
    ["flock -n /run/l2 /bin/b", "flock /run/l.b /bin/b", "flock /x/run/l /bin/b", "/bin/l"],
)
def test_a_lock_of_a_similar_name_is_another(other: str) -> None:
    job, _ = cron_entries(f"@daily flock -n /run/l /bin/a\n@daily cd / && {other}")
    assert isinstance(job, Job)
    assert job.keys["overlap"] == "skip"


def test_the_comment_right_above_describes_the_job() -> None:
    remark, job = cron_entries("# The crontab of ops\n\n# Saves\n# the shop:\n@daily /bin/save")
    assert remark == Remark("The crontab of ops")
    assert isinstance(job, Job)
    assert job.keys["description"] == "Saves the shop"


def test_the_heads_of_the_columns_describe_nothing() -> None:
    remark, job = cron_entries("# m h  dom mon dow   command\n@daily /bin/save")
    assert remark == Remark("m h  dom mon dow   command")
    assert isinstance(job, Job)
    assert "description" not in job.keys


def test_a_system_crontab_read_as_a_users_is_suspected() -> None:
    assert cron_job("0 1 * * * root /bin/a").notes == (
        "its command begins with root: is this the system's form? Then add --system",
    )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/usr/local/bin/Backup.sh", "backup"),
        ("cd / && run-parts --report /etc/cron.hourly", "run-parts-cron.hourly"),
        ("test -x /usr/sbin/x && nice -n10 /usr/sbin/logcheck -R", "logcheck"),
        ("php /srv/shop/artisan.php queue clear 2>&1 | tee -a /var/log/x", "artisan-queue-clear"),
        ("timeout 5m flock -n /run/l /opt/sync.py --all", "sync"),
        ("perl -e 'sleep 3'", "perl"),
        ("/usr/bin/pg_dump shop > /backup/$(date +\\%F).sql", "pg_dump-shop"),
        ("mail -s hi me", "mail"),
        ("%", "command"),
    ],
)
def test_a_job_is_named_for_what_its_line_is_about(line: str, name: str) -> None:
    assert [written.name for written in result_of(cron_entries(f"@daily {line}")).jobs] == [name]


def test_names_are_unique_and_the_same_each_time() -> None:
    entries = cron_entries("@daily /bin/a\n@hourly /bin/a\n@weekly /bin/a-2\n")
    first, second = result_of(entries), result_of(entries)
    assert [written.name for written in first.jobs] == ["a", "a-2", "a-2-2"]
    assert first.text == second.text


def test_what_is_written_runs_each_time_like_cron_and_is_disabled() -> None:
    (job,) = read_back(result_of(cron_entries("@daily /bin/a"))).values()
    assert (job.enabled, job.overlap, job.catch_up.policy) == (False, "allow", "skip")
    assert (job.retry.max_retries, job.command) == (0, ("/bin/a",))


def test_dollar_signs_are_read_back_as_they_were() -> None:
    line = 'echo $$ ${HOME:-x} $${y} "$(date)" $'
    (job,) = read_back(result_of(cron_entries(f"@daily {line}"))).values()
    assert job.command == ("/bin/sh", "-c", line)


def test_a_name_that_yaml_would_read_as_something_else_is_quoted() -> None:
    jobs = read_back(result_of(cron_entries("@daily null\n@daily true\n@daily 7z\n@daily 1e5\n")))
    assert {*jobs} == {"null", "true", "7z", "1e5"}
