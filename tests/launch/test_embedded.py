"""The launcher's servers: a first start, later ones, crashes, and each problem as one sentence."""

from __future__ import annotations

import functools
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
import redis

from labeler.launch import accounts, embedded, processes
from labeler.launch.accounts import Account
from labeler.launch.problems import CannotStart

pytestmark = pytest.mark.worker

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that the servers' account can enter (pytest's own tmp_path is closed to others)."""
    directory = Path(tempfile.mkdtemp(prefix="labeler-embedded-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def data_dir(reachable: Path) -> Path:
    embedded.prepare_data_dir(reachable / "data")
    return reachable / "data"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory whose database and broker were made before, and hold one row and one key."""
    directory = Path(tempfile.mkdtemp(prefix="labeler-embedded-"))
    directory.chmod(0o711)
    embedded.prepare_data_dir(directory / "data")
    servers = embedded.Servers(directory / "data")
    found = servers.start()
    sql(found, "CREATE TABLE kept (n int)")
    sql(found, "INSERT INTO kept VALUES (1)")
    broker(found).set("key", "value")
    servers.stop()
    yield directory / "data"
    shutil.rmtree(directory)


@pytest.fixture
def servers(made: Path) -> Iterator[embedded.Servers]:
    """The servers of `made`, not started; whatever the test leaves running is stopped."""
    servers = embedded.Servers(made)
    yield servers
    servers.stop()


def sql(found: embedded.Connection, statement: str) -> list[tuple]:
    with (
        closing(psycopg2.connect(found.database_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def broker(found: embedded.Connection) -> redis.Redis:
    return redis.Redis.from_url(found.redis_url, decode_responses=True)


def test_a_first_start_makes_a_database_that_is_ours_alone(data_dir):
    servers = embedded.Servers(data_dir)
    found = servers.start()
    try:
        role = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert sql(found, role) == [(False, False, False)]
        settings = {
            name: sql(found, f"SHOW {name}")[0][0]
            for name in (
                "listen_addresses",
                "fsync",
                "synchronous_commit",
                "password_encryption",
                "server_encoding",
            )
        }
        assert settings == {
            "listen_addresses": "127.0.0.1",
            "fsync": "on",
            "synchronous_commit": "on",
            "password_encryption": "scram-sha-256",
            "server_encoding": "UTF8",
        }
        link = broker(found)
        assert link.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert link.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert embedded.connection(data_dir) == found
    finally:
        servers.stop()


def test_without_the_password_neither_server_answers(servers):
    found = servers.start()

    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(found.database_url.replace(servers.postgres.passwords["labeler"], "guessed"))
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=servers.valkey.port).ping()


def test_secrets_are_readable_by_their_owner_only(made):
    for name in ("connection.json", "servers.json"):
        assert (made / "run" / name).stat().st_mode & 0o077 == 0


def test_a_second_start_finds_everything(servers):
    found = servers.start()

    assert sql(found, "SELECT n FROM kept") == [(1,)]
    assert broker(found).get("key") == "value"


def test_a_killed_database_is_recovered_at_the_next_start(servers, made):
    found = servers.start()
    sql(found, "CREATE TABLE acknowledged AS SELECT 7 AS n")
    servers.postgres.process.send_signal(signal.SIGKILL)
    servers.postgres.process.wait()

    servers.stop()
    again = embedded.Servers(made)
    found = again.start()
    try:
        assert sql(found, "SELECT n FROM acknowledged") == [(7,)]
    finally:
        sql(found, "DROP TABLE acknowledged")
        again.stop()


def test_a_stale_lock_file_whose_number_another_program_has_now_is_no_obstacle(servers, made):
    servers.start()
    lock = servers.home / "postgres" / "postmaster.pid"
    content = lock.read_text().splitlines()
    servers.stop()
    lock.write_text("\n".join([str(os.getpid()), *content[1:]]) + "\n")

    assert sql(servers.start(), "SELECT n FROM kept") == [(1,)]


def test_servers_that_outlived_a_killed_launcher_are_ended_by_the_next_one(made):
    code = "import sys; from labeler.launch import embedded; from pathlib import Path\n"
    code += "embedded.Servers(Path(sys.argv[1])).start(); import os; os.kill(os.getpid(), 9)"
    launcher = subprocess.run([sys.executable, "-c", code, str(made)], cwd=ROOT)
    assert launcher.returncode == -signal.SIGKILL
    recorded = json.loads((made / "run" / "processes.json").read_text())
    left = {name: pid for name, (pid, began) in recorded.items()}
    assert set(left) == {"PostgreSQL", "Valkey"}

    servers = embedded.Servers(made)
    found = servers.start()
    try:
        assert [processes.began(pid) for pid in left.values()] == [None, None]
        assert sql(found, "SELECT n FROM kept") == [(1,)]
    finally:
        servers.stop()


def test_a_port_that_somebody_took_meanwhile_is_replaced(servers, made):
    servers.start()
    before = servers.postgres.port, servers.valkey.port
    servers.stop()
    with socket.create_server(("127.0.0.1", before[0])), socket.create_server(("127.0.0.1", before[1])):
        again = embedded.Servers(made)
        found = again.start()
        try:
            assert again.postgres.port != before[0]
            assert again.valkey.port != before[1]
            assert sql(found, "SELECT n FROM kept") == [(1,)]
        finally:
            again.stop()


def test_a_damaged_file_of_the_broker_is_put_aside_and_people_go_on(servers):
    servers.start()
    servers.stop()
    for part in (servers.home / "valkey" / "appendonlydir").iterdir():
        if part.name.endswith(".incr.aof"):
            part.write_bytes(b"*3\r\n$3\r\nSET\r\nnonsense" + bytes(200) + b"\r\n*2\r\n")

    found = servers.start()

    assert broker(found).ping()
    assert sql(found, "SELECT n FROM kept") == [(1,)]
    assert list(servers.home.glob("valkey.damaged-*"))


def test_a_database_of_another_major_version_is_refused_in_a_sentence(servers):
    version = servers.home / "postgres" / "PG_VERSION"
    now = version.read_text()
    version.write_text("15\n")
    try:
        with pytest.raises(CannotStart, match=r"made by PostgreSQL 15, and this is PostgreSQL \d+\..*pg_dump"):
            servers.start()
    finally:
        version.write_text(now)


def test_a_directory_with_something_else_in_it_is_left_alone(data_dir):
    (data_dir / "postgres").mkdir()
    servers = embedded.Servers(data_dir)
    with pytest.raises(CannotStart, match=r"holds no database|belongs to another account"):
        servers.start()
    assert list((data_dir / "postgres").iterdir()) == []


def test_a_start_that_was_killed_while_making_the_database_starts_over(data_dir):
    half = data_dir / "postgres.making"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    servers = embedded.Servers(data_dir, broker=False, fsync=False)
    found = servers.start()
    servers.stop()
    assert found.redis_url is None
    assert not half.exists()


def test_commands_share_the_servers_and_the_last_one_stops_them(made):
    events: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def second() -> None:
        with embedded.running(made, "second"):
            inside.set()
            leave.wait(30)
            events.append(f"second still reads {sql(embedded.connection(made), 'SELECT n FROM kept')[0][0]}")

    with embedded.running(made, "first"):
        thread = threading.Thread(target=second)
        thread.start()
        assert inside.wait(30)
        # The first, which started the servers, ends while the second is in the middle of its work.
        threading.Timer(0.5, leave.set).start()
    events.append("first stopped them")
    thread.join(30)

    assert events == ["second still reads 1", "first stopped them"]
    with pytest.raises(psycopg2.OperationalError):
        sql(embedded.connection(made), "SELECT 1")


@pytest.mark.parametrize(
    "argv", [["up"], ["help"], ["makemigrations", "--check"], ["collectstatic"], ["export", "--help"], []]
)
def test_commands_that_touch_no_rows_start_nothing(argv, tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("LABELER_DATA", str(tmp_path / "untouched"))
    with embedded.prepare_for_command(["manage.py", *argv]):
        assert not (tmp_path / "untouched").exists()


def test_with_a_database_named_nothing_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@db.example/labeler")
    monkeypatch.setenv("LABELER_DATA", str(tmp_path / "untouched"))
    with embedded.prepare_for_command(["manage.py", "export"]):
        assert not (tmp_path / "untouched").exists()


def test_before_the_first_start_there_is_no_connection(tmp_path):
    assert embedded.connection(tmp_path) is None
    assert embedded.connection(tmp_path / "missing") is None


def test_programs_that_are_not_where_they_were_configured_are_named(data_dir, monkeypatch):
    monkeypatch.setenv("LABELER_POSTGRES_BIN", "/nowhere")
    with pytest.raises(CannotStart, match=r"LABELER_POSTGRES_BIN is /nowhere"):
        embedded.Servers(data_dir).start()


def test_no_programs_at_all_is_a_sentence(data_dir, monkeypatch):
    monkeypatch.setattr("labeler.launch.postgres._places", lambda: iter(()))
    with pytest.raises(CannotStart, match=r"No PostgreSQL .* was found.*make install"):
        embedded.Servers(data_dir).start()


def test_a_file_in_place_of_the_data_directory_is_a_sentence(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(CannotStart, match="A file stands where a directory is needed"):
        embedded.prepare_data_dir(tmp_path / "data")


@as_root
def test_below_a_closed_home_the_servers_live_where_their_account_can_enter(reachable, monkeypatch):
    home = reachable / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setattr(accounts, "SHARED_HOME", reachable / "shared")
    (reachable / "shared").mkdir()
    # The virtual environment is below the closed home too: programs and their libraries are copied.
    monkeypatch.setattr(accounts, "package_folder", _packages_below(home))
    monkeypatch.setattr("labeler.launch.postgres.package_folder", _packages_below(home))
    monkeypatch.setattr("labeler.launch.valkey.package_folder", _packages_below(home))
    embedded.prepare_data_dir(home / "data")

    servers = embedded.Servers(home / "data", fsync=False)
    try:
        assert sql(servers.start(), "SELECT 1") == [(1,)]
        assert servers.home.parent == reachable / "shared"
        assert str(servers.postgres.programs.directory).startswith(str(reachable / "shared" / "programs"))
        assert home.stat().st_mode & 0o777 == 0o700
        # Remembered: the database is found again even when the home has been opened since.
        home.chmod(0o755)
        assert embedded.Servers(home / "data").home == servers.home
    finally:
        servers.stop()


def _packages_below(home: Path):
    """Stands in for an installation below `home`: the real packages, copied there."""

    def package_folder(name: str) -> Path:
        target = home / "site-packages" / name
        if not target.exists():
            real = accounts_package_folder(name)
            assert real is not None
            for folder in (real, real.with_name(f"{name}.libs")):
                if folder.exists():
                    shutil.copytree(folder, target.with_name(folder.name), symlinks=True)
        return target

    return package_folder


accounts_package_folder = accounts.package_folder


@as_root
def test_a_disk_without_room_is_refused_before_anything_is_made(reachable):
    with _small_disk(reachable / "disk", megabytes=64) as disk:
        embedded.prepare_data_dir(disk / "data")
        with pytest.raises(CannotStart, match=r"Only \d+ MB are free"):
            embedded.Servers(disk / "data").start()
        assert not (disk / "data" / "postgres").exists()


@as_root
def test_a_disk_that_has_filled_up_is_a_sentence_and_nothing_is_lost(reachable):
    with _small_disk(reachable / "disk", megabytes=260) as disk:
        embedded.prepare_data_dir(disk / "data")
        filler = disk / "filler"
        # It fills up while they run: they are stopped all the same.
        with embedded.running(disk / "data", "test"):
            sql(embedded.connection(disk / "data"), "CREATE TABLE kept AS SELECT 5 AS n")
            _fill(filler)
        _fill(filler)
        with pytest.raises(CannotStart, match="disk is full"):
            embedded.Servers(disk / "data", fsync=False).start()

        filler.unlink()
        servers = embedded.Servers(disk / "data", fsync=False)
        assert sql(servers.start(), "SELECT n FROM kept") == [(5,)]
        servers.stop()


def _fill(filler: Path) -> None:
    """Write zeros until the disk takes no more."""
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(1 << 16)):
            pass


@contextmanager
def _small_disk(place: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes for a block; the test skips where none can be mounted."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "labeler-tests", str(place)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("cannot mount a small file system here")
    try:
        yield place
    finally:
        # Fails when a server was left running there.
        subprocess.run(["umount", str(place)], check=True)


@as_root
def test_a_server_runs_as_the_account_that_owns_its_database(made):
    existing = embedded.Servers(made).home / "postgres"
    owner = existing.stat()
    assert owner.st_uid != 0
    assert isinstance(account := accounts.server_account(existing), Account)
    assert (account.uid, account.gid) == (owner.st_uid, owner.st_gid)


@pytest.fixture
def as_nobody() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python code as the account `nobody`, with the packages of this environment."""
    nobody = pwd.getpwnam("nobody")
    packages = Path(psycopg2.__file__).parent.parent
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"

    def run(code: str, *arguments: object, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-c", code, *map(str, arguments)],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            env={"PYTHONPATH": f"{ROOT}:{packages}", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )

    # The interpreter of a virtual environment may lie below root's home; the system's own will do.
    for python in (sys.executable, f"/usr/bin/{version}"):
        try:
            if run("import psycopg2, labeler.launch.embedded", python=python).returncode == 0:
                return functools.partial(run, python=python)
        except PermissionError:
            continue
    pytest.skip(f"no {version} here that the account nobody can run")


@as_root
def test_a_plain_user_has_everything_below_the_data_directory(reachable, as_nobody):
    home = reachable / "home"
    home.mkdir(mode=0o700)
    os.chown(home, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    ran = as_nobody(
        "import sys, psycopg2; from pathlib import Path; from labeler.launch import embedded\n"
        "data = Path(sys.argv[1]); embedded.prepare_data_dir(data); servers = embedded.Servers(data)\n"
        "found = servers.start(); psycopg2.connect(found.database_url).close(); print(servers.home); servers.stop()",
        home / "data",
    )
    assert ran.stderr == ""
    assert ran.stdout.strip() == str(home / "data")
    assert {path.name for path in (home / "data").iterdir()} == {"postgres", "valkey", "run", "logs"}


@as_root
def test_a_directory_without_permission_is_a_sentence_for_a_plain_user(reachable, as_nobody):
    closed = reachable / "closed"
    closed.mkdir(mode=0o755)
    ran = as_nobody(
        "import os, sys; os.environ['LABELER_DATA'] = sys.argv[1]; from labeler.launch import embedded\n"
        "with embedded.prepare_for_command(['manage.py', 'export']): print('started')",
        closed / "data",
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"No permission (writing to the data directory {closed}/data) for the account nobody.")
    assert "Traceback" not in ran.stderr
