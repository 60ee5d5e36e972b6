"""Everything that was started is stopped, however the run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from linkmw.demo.parts.processes import PartFailed, Processes, Stopping, child_environment, free_port
from linkmw.demo.parts.redis import Redis

# A child that has a child of its own, as kc.sh has java; both say when they are there.
PARENT = """
import subprocess, sys, pathlib
child = subprocess.Popen([sys.executable, "-c", "import signal, sys; print('up', flush=True); signal.pause()"],
                         stdout=subprocess.PIPE)
child.stdout.readline()
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""
STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
ECHO = """
import sys
for line in sys.stdin:
    if line == "bye\\n":
        sys.exit("so long")
    print(line, end="", flush=True)
"""


def redis_in(processes: Processes, tmp_path: Path) -> Redis:
    return Redis(processes, "redis", tmp_path / "redis", port=free_port(), password="not-on-the-command-line")


def there(pid: int) -> bool:
    """Is this process there, and not only its entry in the table?"""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while there(pid) and time.monotonic() < deadline:
        os.sched_yield()
    return not there(pid)


def family(processes: Processes, tmp_path: Path) -> tuple[int, int]:
    """A parent and its child, running: their process ids."""
    note = tmp_path / "child.pid"
    parent = processes.start("family", [sys.executable, "-c", PARENT, note], log=tmp_path / "log")
    processes.wait(lambda: note.exists() and note.read_text() != "", what="the child", seconds=10, process=parent)
    return parent.pid, int(note.read_text())


def test_stopping_takes_the_childs_children_too(tmp_path: Path) -> None:
    with Processes() as processes:
        parent, child = family(processes, tmp_path)
        assert there(parent)
        assert there(child)
    assert gone(parent)
    assert gone(child)


def test_what_a_dead_leader_left_behind_goes_too(tmp_path: Path) -> None:
    with Processes() as processes:
        parent, child = family(processes, tmp_path)
        os.kill(parent, signal.SIGKILL)
        assert gone(parent)
        assert there(child)
    assert gone(child)


def test_a_start_that_fails_half_way_stops_what_was_started(tmp_path: Path) -> None:
    pids: list[int] = []

    def start_two() -> None:
        with Processes() as processes:
            pids.extend(family(processes, tmp_path))
            processes.start("missing", [tmp_path / "nothing"], log=tmp_path / "log")

    with pytest.raises(PartFailed, match="missing cannot be started"):
        start_two()
    assert len(pids) == 2
    assert all(map(gone, pids))


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkmw.demo.parts.processes._STOP_SECONDS", 0.2)
    with Processes() as processes:
        stubborn = processes.start("stubborn", [sys.executable, "-c", STUBBORN], log=tmp_path / "log")
        processes.wait(lambda: "up" in (tmp_path / "log").read_text(), what="it", seconds=10)
    assert gone(stubborn.pid)


def test_a_paused_process_is_stopped_all_the_same(tmp_path: Path) -> None:
    with Processes() as processes:
        pids = family(processes, tmp_path)
        process = processes.start("paused", [sys.executable, "-c", STUBBORN.replace("IGN", "DFL")], log=tmp_path / "l")
        processes.wait(lambda: "up" in (tmp_path / "l").read_text(), what="it", seconds=10)
        process.pause()
    assert gone(process.pid)
    assert all(map(gone, pids))


def test_a_killed_process_has_no_time_for_a_goodbye(tmp_path: Path) -> None:
    with Processes() as processes:
        process = processes.start("killed", [sys.executable, "-c", STUBBORN], log=tmp_path / "l")
        processes.wait(lambda: "up" in (tmp_path / "l").read_text(), what="it", seconds=10)
        process.kill()
        process.stop()
        assert process.exit_code == -signal.SIGKILL
        assert gone(process.pid)


def test_stopping_ends_the_wait_of_other_threads(tmp_path: Path) -> None:
    ended: list[type[BaseException]] = []
    processes = Processes()
    waiting = threading.Event()

    def asked() -> bool:
        waiting.set()
        return False

    def wait() -> None:
        try:
            processes.wait(asked, what="the end of days", seconds=600)
        except Stopping:
            ended.append(Stopping)

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(10)
    processes.stop()
    thread.join(10)
    assert ended == [Stopping]
    with pytest.raises(Stopping):
        processes.start("late", [sys.executable, "-V"], log=tmp_path / "log")


def test_a_part_that_ends_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with Processes() as processes:
        process = processes.start(
            "broken", [sys.executable, "-c", "raise SystemExit('port taken')"], log=tmp_path / "l"
        )
        with pytest.raises(PartFailed, match=r"(?s)broken ended with exit code 1:.*port taken"):
            processes.wait(lambda: False, what="it", seconds=10, process=process)
        with pytest.raises(PartFailed, match="exit code 3"):
            processes.run("worse", [sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "l", seconds=10)
        with pytest.raises(PartFailed, match="cannot be started"):
            processes.start("missing", [tmp_path / "nothing"], log=tmp_path / "l")


def test_waiting_has_an_end() -> None:
    with Processes() as processes, pytest.raises(PartFailed, match="for a miracle"):
        processes.wait(lambda: False, what="a miracle", seconds=0)


def test_children_do_not_inherit_settings_of_linkmw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKMW_CLIENT_SECRET", "somebody else's")
    given = child_environment({"LINKMW_MODE": "off"})
    assert "LINKMW_CLIENT_SECRET" not in given
    assert given["LINKMW_MODE"] == "off"
    assert given["PATH"] == os.environ["PATH"]


def test_a_redis_comes_goes_and_comes_back_on_its_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINKMW_REDIS_URL", raising=False)
    with Processes() as processes:
        redis = redis_in(processes, tmp_path)
        url = redis.url
        redis.start()
        assert redis.answers()
        redis.stop()
        assert not redis.answers()
        redis.start()
        assert redis.answers()
        assert redis.url == url
        assert redis.process
        pid = redis.process.pid
    assert gone(pid)


def test_the_wheels_redis_serves_a_machine_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINKMW_REDIS_URL", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with Processes() as processes:
        redis = redis_in(processes, tmp_path)
        redis.start()
        assert redis.answers()


def test_the_password_of_a_redis_stands_on_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINKMW_REDIS_URL", raising=False)
    with Processes() as processes:
        redis = redis_in(processes, tmp_path)
        redis.start()
        assert redis.process
        password = redis.url.split(":")[2].split("@")[0]
        assert password.encode() not in Path(f"/proc/{redis.process.pid}/cmdline").read_bytes()
        assert password not in repr(redis)
        assert (tmp_path / "redis/redis.conf").stat().st_mode & 0o077 == 0


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    script = f"""
import pathlib, signal, sys, threading
from linkmw.demo.parts.processes import Processes
from linkmw.demo.parts.redis import Redis
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests themselves run in the background
with Processes() as processes:
    redis = Redis(processes, "redis", pathlib.Path({str(tmp_path)!r}), port={free_port()}, password="quiet")
    redis.start()
    print(redis.process.pid, flush=True)
    threading.Event().wait()
"""
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert run.stdout
    pid = int(run.stdout.readline())
    assert there(pid)
    run.send_signal(signal.SIGINT)
    run.stdout.close()
    run.wait(20)
    assert gone(pid)


def test_who_listens_answers_each_line_and_says_nothing_more_at_its_end(tmp_path: Path) -> None:
    with Processes() as processes:
        process = processes.start("echo", [sys.executable, "-c", ECHO], log=tmp_path / "log", listens=True)
        for _ in range(3):
            process.ask("hello", 60)
        for _ in range(2):  # it ends at the first, and is not there at the second
            with pytest.raises(PartFailed, match=r"no answer from echo within 60 s:\n    so long"):
                process.ask("bye", 60)


def test_who_does_not_answer_in_time_is_not_waited_for(tmp_path: Path) -> None:
    with Processes() as processes:
        process = processes.start("deaf", [sys.executable, "-c", STUBBORN], log=tmp_path / "log", listens=True)
        process.ask("is it up?", 60)
        with pytest.raises(PartFailed, match="no answer from deaf within 0 s"):
            process.ask("anybody?", 0)
