"""The module of callables that the runs of these tests call: put into a project's folder as text."""

TASKS = '''
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

LEFT_ALONE = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)
EVERY = [number for number in signal.valid_signals() if number not in LEFT_ALONE]


def quick():
    return os.getpid()


def ignore_all():
    for number in EVERY:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass


def write(file, *pids):
    with open(file, "a") as opened:
        opened.write(" ".join(map(str, pids)) + "\\n")


def daemon(seconds=300, before=lambda: None):
    """Forked twice, in a session of its own; the pid of the one that stays."""
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        second = os.fork()
        if second:
            os._exit(0)
        os.write(writing, b"%d\\n" % os.getpid())
        before()
        time.sleep(seconds)
        os._exit(0)
    os.waitpid(first, 0)
    pid = int(os.read(reading, 20))
    os.close(reading)
    os.close(writing)
    return pid


def leaves_a_daemon(file, seconds=300):
    write(file, daemon(seconds))


def dies_and_leaves_a_daemon(file):
    write(file, daemon())
    os.kill(os.getpid(), signal.SIGKILL)


def sleeps_beside_a_daemon(file):
    write(file, daemon())
    time.sleep(300)


def forks_and_ignores_signals(file):
    """A daemon that ignores signals, a group of its own, and children that fork all the time."""
    ignore_all()
    code = "import subprocess, sys\\nwhile True: subprocess.run(['sleep', '0.01'], start_new_session=True)"
    busy = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    grouped = subprocess.Popen(["sleep", "300"], process_group=0)
    write(file, os.getpid(), daemon(before=ignore_all), busy.pid, grouped.pid)
    while True:
        try:
            time.sleep(300)
        except BaseException:
            pass


def dies():
    os.kill(os.getpid(), signal.SIGKILL)
'''
