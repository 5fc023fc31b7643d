"""The parts of the embedded stack that need no server."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from deploy.local import guardian, jars, ports
from deploy.local.guardian import Guardian
from deploy.local.process import LOG_CAP_BYTES, ServerProcess
from deploy.local.supervisor import Watched
from shared.cli.installation import CHECKOUT, Installation


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline


def sleeper(state_dir: Path, seconds: int = 60) -> ServerProcess:
    return ServerProcess("sleeper", [sys.executable, "-c", f"import time; time.sleep({seconds})"], {}, state_dir)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_ports_are_kept_and_never_given_twice(tmp_path: Path) -> None:
    book = ports.PortBook(tmp_path / "ports.json")
    chosen = [book.port(f"server-{number}") for number in range(50)]
    assert len(set(chosen)) == 50
    again = ports.PortBook(tmp_path / "ports.json")
    assert [again.port(f"server-{number}") for number in range(50)] == chosen


def test_a_port_that_somebody_else_took_is_replaced(tmp_path: Path) -> None:
    book = ports.PortBook(tmp_path / "ports.json")
    with socket.create_server(("127.0.0.1", book.port("mine"))) as other:
        assert book.release_taken(["mine"]) == ["mine"]
        assert book.port("mine") != other.getsockname()[1]


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(ports.choose() < first_ephemeral for _ in range(20))


def test_the_guardian_ends_what_its_dead_owner_left(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from deploy.local.guardian import Guardian;"
        "from deploy.local.process import ServerProcess;"
        "s = ServerProcess('s', [sys.executable, '-c', 'import time; time.sleep(60)'], {}, Path(sys.argv[1]));"
        "s.spawn(Guardian()); print(s.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    assert owner.stdout
    with owner.stdout:
        pid = int(owner.stdout.readline())
        assert not gone(pid)
        owner.kill()
        owner.wait()
    wait_for(lambda: gone(pid))


def test_the_guardian_leaves_alone_what_was_released() -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    watching = Guardian()
    watching.watch(bystander.pid)
    watching.release(bystander.pid)
    watching.close()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_the_guardian_needs_the_standard_library_only() -> None:
    source = Path(guardian.__file__).read_text()
    assert "from deploy" not in source
    assert "from shared" not in source


def test_a_leftover_is_ended_before_its_successor_starts(tmp_path: Path) -> None:
    watching = Guardian()
    first = sleeper(tmp_path)
    first.spawn(watching)
    left = first.pid
    second = sleeper(tmp_path)
    second.spawn(watching)
    assert left
    assert first.wait_gone(1)
    assert second.pid not in {None, left}
    second.kill()
    watching.close()


def test_a_record_of_a_reused_process_id_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "sleeper.json").write_text(json.dumps({"pid": os.getpid(), "started": 1.0}))
    assert sleeper(tmp_path).pid is None


def test_a_log_over_the_cap_is_put_aside(tmp_path: Path) -> None:
    process = sleeper(tmp_path, seconds=0)
    process.log.parent.mkdir()
    process.log.touch()
    os.truncate(process.log, LOG_CAP_BYTES + 1)
    watching = Guardian()
    process.spawn(watching)
    assert process.wait_gone(10)
    watching.close()
    assert process.log.read_text() == ""
    assert process.log.with_suffix(".log.1").stat().st_size == LOG_CAP_BYTES + 1


def test_restarts_come_at_once_and_then_back_off_to_ten_seconds(tmp_path: Path) -> None:
    one = Watched(sleeper(tmp_path), respawn=lambda: None, started=0.0)
    delays = []
    for death in range(8):
        one.started = float(death)
        delays.append(one.note_death(float(death)))
    assert delays == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert one.note_death(one.started + 31) == 0.0


def test_every_locked_jar_has_coordinates_and_a_digest() -> None:
    locked = jars.read_lock()
    assert {"kafka_2.13", "kafka-clients", "log4j-slf4j-impl"} <= {jar.artifact for jar in locked}
    assert all(len(jar.sha256) == 64 for jar in locked)


def test_a_jar_with_other_content_is_not_intact(tmp_path: Path) -> None:
    jar = jars.Jar("org.example", "thing", "1", hashlib.sha256(b"good").hexdigest())
    assert not jars.is_intact(jar, tmp_path)
    jar.path_in(tmp_path).parent.mkdir(parents=True)
    jar.path_in(tmp_path).write_bytes(b"bad")
    assert not jars.is_intact(jar, tmp_path)
    jar.path_in(tmp_path).write_bytes(b"good")
    assert jars.is_intact(jar, tmp_path)


def test_an_installation_is_held_by_one(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "state")
    installation.create()
    assert installation.holder() is None
    held = installation.hold()
    assert held
    assert installation.holder() == os.getpid()
    assert installation.hold() is None
    held.close()
    assert installation.holder() is None


def test_a_signal_to_a_process_that_ended_is_nothing(tmp_path: Path) -> None:
    watching = Guardian()
    process = sleeper(tmp_path, seconds=0)
    process.spawn(watching)
    assert process.wait_gone(10)
    process.signal(signal.SIGTERM)
    watching.close()
