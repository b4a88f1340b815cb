"""The module of callables that the runs of these tests call: put into a project's folder as text."""

TASKS = r'''
import builtins
import ctypes
import io
import locale
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time

from jobrunner.db import attempts

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
        opened.write(" ".join(map(str, pids)) + "\n")


def daemon(seconds=300, before=lambda: None):
    """Forked twice, in a session of its own; the pid of the one that stays."""
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        second = os.fork()
        if second:
            os._exit(0)
        os.write(writing, b"%d\n" % os.getpid())
        before()
        time.sleep(seconds)
        os._exit(0)
    os.waitpid(first, 0)
    pid = int(os.read(reading, 20))
    os.close(reading)
    os.close(writing)
    return pid


def forks_and_returns():
    if os.fork() == 0:
        return "the copy"
    os.wait()
    return "the run"


def forks_and_raises():
    if os.fork() == 0:
        raise ValueError("in the copy")
    os.wait()
    return "the run"


def closes_stdout():
    with sys.stdout as stream:
        stream.write("closed\n")


def wraps_stdout():
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="latin-1")


def detaches_stdout():
    sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="latin-1")


def prints_a_line():
    print("a line")


def exits():
    os._exit(0)


def spoils_its_process(error):
    def finish(*args, **kwargs):
        raise getattr(builtins, error)("spoilt")

    attempts.finish = finish


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
    code = "import subprocess, sys\nwhile True: subprocess.run(['sleep', '0.01'], start_new_session=True)"
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


def memory_peak_kibibytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def writes_a_gigabyte(how):
    before = memory_peak_kibibytes()
    if how == "print":
        for _ in range(1024):
            print("x" * (1024 * 1024 - 1))
    elif how == "os.write":
        for _ in range(16 * 1024):
            os.write(1, b"x" * (64 * 1024 - 1) + b"\n")
    else:
        subprocess.run("yes | head -c 1073741824", shell=True, check=True)
    return memory_peak_kibibytes() - before


def writes_in_every_way():
    print("print")
    subprocess.run(["echo", "subprocess"], check=True)
    os.write(2, b"os.write\n")
    ctypes.CDLL(None).puts(b"C code")


def takes_the_descriptors_away():
    os.close(1)
    sys.stdout = open(os.devnull, "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def leaves_one_that_writes_on():
    subprocess.Popen("echo mine; while true; do echo more; sleep 0.02; done", shell=True)
    time.sleep(0.3)


def sleeps_a_minute():
    time.sleep(60)


def surroundings():
    umask = os.umask(0o077)
    os.umask(umask)
    return {
        "folder": os.getcwd(),
        "environment": sorted(os.environ.items()),
        "zone": time.strftime("%Z", (2026, 1, 1, 0, 0, 0, 0, 1, 0)),
        "umask": umask,
        "handlers": [str(signal.getsignal(number)) for number in EVERY],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "locale": locale.setlocale(locale.LC_ALL),
        "logging": logging.root.manager.disable,
        "path": list(sys.path),
    }


def changes_all():
    os.chdir("/")
    os.environ["PATH"] = "/nowhere"
    os.environ["NEW"] = "1"
    del os.environ["HOME"]
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    os.umask(0o000)
    ignore_all()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
    signal.setitimer(signal.ITIMER_REAL, 3600)
    locale.setlocale(locale.LC_ALL, "C")
    logging.disable()
    sys.path.insert(0, "/elsewhere")
    sys.stderr.close()
    sys.stderr = None
    raise ValueError("and fails")


def leaves_a_thread():
    threading.Thread(target=time.sleep, args=(300,), name="left", daemon=True).start()


os.environ.setdefault("SET_BY_THE_MODULE", "once")


def set_by_the_module():
    return os.environ["SET_BY_THE_MODULE"]


called = []


def counts_its_calls():
    called.append(1)
    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
    print("called", flush=True)
    subprocess.run(["echo", "and its subprocess"], check=True)
    return [len(called), os.getpid(), os.getppid()]


def holds(mebibytes, seconds=0, then=None):
    held = bytearray(os.urandom(1)) * (mebibytes * 1024 * 1024)
    time.sleep(seconds)
    if then == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return len(held)


def holds_together(mebibytes):
    code = f"import time; held = bytearray(b'x') * ({mebibytes} * 1024 * 1024); time.sleep(60)"
    for process in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
        process.wait()
'''
