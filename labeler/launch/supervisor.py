"""Keep Labeler running in the foreground: start all in order, restart what dies, stop all in order.

Holds the data directory's lock and the listening socket for as long as it lives, so that a restart of
the web server refuses no connection. Knows its parts by signals and exit codes only.
"""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from labeler.launch import embedded, freshness, processes
from labeler.launch.parts import (
    CHECKOUT,
    MANAGE,
    ChildProcess,
    Options,
    environment_for,
    reachable_host,
    web_part,
    worker_parts,
)
from labeler.launch.problems import CannotStart, explain_os_error

POLL_SECONDS = 0.1
READY_SECONDS = 90
STEADY_SECONDS = 60  # a part that lived this long starts again at once
WAITS_SECONDS = (0, 1, 2, 5, 10, 30)  # before the first, second, … restart in a row
GIVE_UP_BEFORE_READY = 3  # deaths of the web server before it ever answered: it will not, so say why


class StoppedEarly(Exception):
    """Asked to stop while still starting."""


@dataclass
class Supervisor:
    """One run of `up`. say: prints one line for the person."""

    options: Options
    say: Callable[[str], None]
    parts: list[ChildProcess] = field(default_factory=list)
    servers: embedded.Servers | None = None
    environment: dict[str, str] = field(default_factory=dict)
    stop_requests: int = 0
    ready: bool = False
    # Deaths in a row and the moment of the next try, per server.
    server_deaths: dict[str, tuple[int, float]] = field(default_factory=dict)

    def run(self) -> None:
        """Start everything, stay until a signal, stop everything. Raises CannotStart or StoppedEarly."""
        data_dir = self.options.data_dir
        embedded.prepare_data_dir(data_dir)
        hold = embedded.Hold(data_dir)
        if not hold.take("up"):
            raise CannotStart(_taken(self.options, hold.holder()))
        try:
            with self._signals():
                self._end_leftovers()
                with self._listen() as listener:
                    try:
                        self._start(listener, hold)
                        while not self.stop_requests:
                            self._watch()
                            time.sleep(POLL_SECONDS)
                    finally:
                        hold.note(purpose="up", stopping=True)
                        self._stop()
        except OSError as error:
            raise explain_os_error(error, f"running in {data_dir}") from error
        finally:
            hold.free()

    # --- starting

    def _end_leftovers(self) -> None:
        """What a killed `up` left running; before binding, because the old web server holds the port."""
        ledger = processes.Ledger(self.options.data_dir / "run" / "processes.json")
        if ended := ledger.end_leftovers():
            self.say(f"The last run did not stop cleanly; ended what it left: {', '.join(ended)}.")
        # Files of forms that were being sent (settings.FILE_UPLOAD_TEMP_DIR): nobody waits for them any more.
        shutil.rmtree(self.options.data_dir / "incoming", ignore_errors=True)

    def _listen(self) -> socket.socket:
        host, port = self.options.host, self.options.port
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OverflowError as error:
            raise CannotStart(f"{port} is no port: it must be between 0 and 65535.") from error
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"Port {port} is taken by another program. Choose another one with --port N (make run PORT=N)."
                ) from error
            if error.errno == errno.EACCES:
                raise CannotStart(f"Port {port} needs root. Choose one above 1023 with --port N.") from error
            raise CannotStart(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
        listener.listen(1024)
        return listener

    def _start(self, listener: socket.socket, hold: embedded.Hold) -> None:
        began_at = time.monotonic()
        self._start_servers()
        self._check_stop()
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        hold.note(purpose="up", servers=True, url=url)
        prepare = freshness.Preparation(self.options.data_dir, self.environment)
        if prepare.steps:
            self.say("Preparing the database and the static files …")
            self._finish_steps([self._launch_step(name, words) for name, words in prepare.steps])
        # Nothing is due: the database is only looked at, beside the web server, which saves a second.
        self._begin(web_part(self.options, self.environment, listener))
        self._finish_steps([self._launch_step("prepare", ["prepare"])])
        prepare.remember()
        for part in worker_parts(self.options, self.environment):
            self._begin(part)
        self._wait_until_answering(port)
        self._make_demo()
        self.ready = True
        self._print_login(url, time.monotonic() - began_at)

    def _start_servers(self) -> None:
        data_dir = self.options.data_dir
        own_database, own_broker = not os.environ.get("DATABASE_URL"), not os.environ.get("REDIS_URL")
        self.servers = embedded.Servers(data_dir, database=own_database, broker=own_broker)
        if self.servers.home != data_dir and (own_database or own_broker):
            self.say(
                f"The account that runs the servers cannot enter {data_dir}: "
                f"database and broker keep their files in {self.servers.home}"
            )
        found = self.servers.start()
        self.environment = environment_for(self.options, found.database_url, found.redis_url, found.secret_key)

    def _begin(self, part: ChildProcess) -> None:
        """Start a part for the first time; from now on it is kept alive."""
        processes.rotate(part.log)
        self.parts.append(part)
        self._spawn(part)

    def _spawn(self, part: ChildProcess) -> None:
        assert self.servers is not None
        part.restart_at = None
        part.started_at = time.monotonic()
        part.process = processes.spawn(part.argv, log=part.log, env=part.env, pass_fds=part.pass_fds, cwd=CHECKOUT)
        self.servers.ledger.add(part.name, part.process.pid)

    def _launch_step(self, name: str, words: list[str]) -> ChildProcess:
        """Start a command that ends by itself; its output goes to a log of its own."""
        log = self.options.data_dir / "logs" / f"{name}.log"
        processes.rotate(log)
        step = ChildProcess(name, [sys.executable, str(MANAGE), *words], log, self.environment, grace=5)
        self._spawn(step)
        return step

    def _finish_steps(self, steps: list[ChildProcess]) -> None:
        """Wait for commands, watching the parts meanwhile. Raises CannotStart with what a failed one said."""
        assert self.servers is not None
        try:
            for step in steps:
                while step.lives:
                    self._watch()
                    self._check_stop()
                    time.sleep(POLL_SECONDS / 4)
                assert step.process is not None
                if step.process.returncode != 0:
                    raise CannotStart(self._explain(f"{step.name} failed", step))
        finally:
            for step in steps:
                if step.process is not None and step.lives:
                    processes.end(step.process, signal.SIGTERM, step.grace)
                self.servers.ledger.remove(step.name)

    def _explain(self, what: str, part: ChildProcess) -> str:
        """A sentence with the last lines of the part's log; another when they say that the disk is full."""
        said = processes.tail(part.log, lines=12)
        if "No space left on device" in said:
            return f"The disk of {self.options.data_dir} is full. Free some space and start again."
        return f"{what}. It said, in {part.log}:\n{said}"

    def _make_demo(self) -> None:
        """Run `demo` once per data directory, its progress on this terminal; its failure stops nothing."""
        done = self.options.data_dir / "run" / "demo-done"
        if not self.options.demo or done.exists():
            return
        words = [sys.executable, str(MANAGE), "demo", "--data", str(self.options.data_dir)]
        run = subprocess.Popen(
            words, env=self.environment, cwd=CHECKOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            while run.poll() is None:
                self._watch()
                self._check_stop()
                time.sleep(POLL_SECONDS)
        finally:
            processes.end(run, signal.SIGINT, 5)
        if run.returncode == 0:
            done.touch()
        else:
            self.say(
                f"The demo project could not be made (exit code {run.returncode}); "
                "the next start with --demo tries again."
            )

    def _wait_until_answering(self, port: int) -> None:
        """Until GET /healthz answers 200. Raises CannotStart when it does not in time."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self._watch()
            self._check_stop()
            link = http.client.HTTPConnection(reachable_host(self.options.host), port, timeout=5)
            try:
                link.request("GET", "/healthz", headers={"Host": f"127.0.0.1:{port}"})
                if link.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass  # it is still starting; when it has died instead, _watch notices
            finally:
                link.close()
            time.sleep(POLL_SECONDS / 2)
        raise CannotStart(self._explain("The web server does not answer", self.parts[0]))

    def _print_login(self, url: str, seconds: float) -> None:
        note = self.options.data_dir / "run" / "admin-password"
        if note.exists():
            self.say(f"Log in as admin with the password {note.read_text().strip()}  (change it: {url}account/)")
        else:
            self.say("Log in with your own account (password forgotten: manage.py changepassword NAME).")
        self.say(f"Data in {self.options.data_dir}, logs in its folder logs/. Started in {seconds:.1f} s.")
        self.say("Ctrl-C stops everything.")
        link = self.options.data_dir / "run" / "login-link"
        if link.exists():
            secret = link.read_text().strip()
            link.unlink()
            self.say(f"This link logs you in as admin, once, within 24 hours: {url}login/once/{secret}/")
        self.say(f"ready {url}")

    # --- running

    def _watch(self) -> None:
        """Start again whatever has died, after a wait that grows with each death in a row."""
        self._watch_servers()
        now = time.monotonic()
        for part in self.parts:
            if part.restart_at is not None:
                if now >= part.restart_at:
                    self._spawn(part)
                continue
            assert part.process is not None
            code = part.process.poll()
            if code is None:
                continue
            # What it leaves behind (a killed master's children) must not work beside its successor.
            processes.signal_group(part.process.pid, signal.SIGKILL)
            part.deaths = 1 if now - part.started_at > STEADY_SECONDS else part.deaths + 1
            if part.name == "web" and not self.ready and part.deaths >= GIVE_UP_BEFORE_READY:
                raise CannotStart(self._explain("The web server does not start", part))
            wait = _wait_after(part.deaths)
            part.restart_at = now + wait
            when = f"in {wait} s" if wait else "now"
            self.say(f"{part.name} ended ({_ending(code)}); starting it again {when}. See {part.log}")

    def _watch_servers(self) -> None:
        assert self.servers is not None
        for server in self.servers.own:
            name = server.name
            deaths, next_try = self.server_deaths.get(name, (0, 0.0))
            now = time.monotonic()
            if server.process is not None:
                code = server.process.poll()
                if code is None:
                    continue
                self.say(f"{name} ended ({_ending(code)}); starting it again. See {server.log}")
                server.stop()  # collects what is left of it
                deaths = deaths + 1 if now - next_try < STEADY_SECONDS else 1
                next_try = now + _wait_after(deaths)
                self.server_deaths[name] = (deaths, next_try)
            if now < next_try:
                continue
            try:
                # On the same port: web and workers know it already.
                server.start(keep_port=True)
            except CannotStart as problem:
                deaths += 1
                self.server_deaths[name] = (deaths, time.monotonic() + _wait_after(deaths))
                self.say(f"{problem} Trying again in {_wait_after(deaths)} s.")
                continue
            assert server.process is not None
            self.servers.ledger.add(name, server.process.pid)
            self.say(f"{name} runs again.")

    # --- stopping

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP ask to stop; a second one stops at once."""

        def ask(number: int, frame: FrameType | None) -> None:
            self.stop_requests += 1
            if self.stop_requests > 1:
                self._kill_all()

        # Started by nohup, SIGHUP is ignored on purpose: the terminal may close. SIGINT is taken even where it came
        # ignored: a shell does that to whatever it starts with `&`, and a script could then stop this by SIGTERM only.
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _check_stop(self) -> None:
        if self.stop_requests:
            raise StoppedEarly

    def _stop(self) -> None:
        """Web, then beat and workers - each with its grace -, then broker and database."""
        if self.servers is None:
            return
        if self.parts:
            self.say("Stopping …")
        # The web server first, and waited for: its last requests may still want the broker.
        for part in self.parts:
            if part.lives and part.process is not None:
                part.process.send_signal(signal.SIGTERM)
                if part.name == "web":
                    processes.end(part.process, signal.SIGTERM, part.grace, ask=False)
        asked_at = time.monotonic()
        for part in self.parts:
            if part.process is not None:
                left = max(0.1, asked_at + part.grace - time.monotonic())
                if not processes.end(part.process, signal.SIGTERM, left, ask=False):
                    self.say(f"{part.name} was busy for {part.grace:.0f} s; its work goes on at the next start.")
                self.servers.ledger.remove(part.name)
        self.servers.stop()

    def _kill_all(self) -> None:
        """The second signal: no grace. PostgreSQL shuts down at once and recovers at the next start."""
        for part in self.parts:
            if part.process is not None:
                processes.signal_group(part.process.pid, signal.SIGKILL)
        if self.servers is not None:
            for server in reversed(self.servers.own):
                if server.process is not None:
                    processes.signal_group(server.process.pid, server.end_signal)
        os._exit(1)


def _wait_after(deaths: int) -> int:
    """Seconds before the next start after so many deaths in a row."""
    return WAITS_SECONDS[min(deaths, len(WAITS_SECONDS)) - 1]


def _ending(code: int) -> str:
    """How a process ended, in words."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _taken(options: Options, holder: Mapping[str, object]) -> str:
    """The sentence for a second start on one data directory."""
    if holder.get("purpose", "up") == "up":
        number = f" (process {holder['pid']})" if holder.get("pid") else ""
        where = f" at {holder['url']}" if holder.get("url") else ""
        return (
            f"Labeler already runs on {options.data_dir}{number}{where}. "
            "Stop it first, or choose another data directory with --data DIR (make run DATA=DIR)."
        )
    return (
        f"The command {holder['purpose']} (process {holder['pid']}) is using {options.data_dir}. "
        "Start again when it has finished."
    )
