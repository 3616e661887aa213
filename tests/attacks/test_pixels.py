"""Pictures and archives that are small to send and large to open, sent to real processes whose memory is watched."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path

import pytest

from labeler.accounts import tokens
from labeler.jobs import jobs
from labeler.launch.parts import Options, web_part
from labeler.models import Image
from labeler.models.job import State
from tests.helpers.workers import ROOT, Worker, draw, environment, wait_for

pytestmark = [
    pytest.mark.worker,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc (Linux)"),
]

SIDE = 7050  # 49.7 megapixels, just legal
GIGABYTE = 10**9
MEGABYTE = 10**6


def memory(pid: int, what: str = "VmRSS") -> int:
    """Of a process, in bytes; VmHWM is the most it ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return 1024 * int(line.split()[1])
    raise AssertionError(f"{what} of {pid} is not known")


def large_pngs(count: int) -> list[bytes]:
    """Legal RGBA pictures of 1 MB, made a row at a time; each differs in a comment, and so in its hash."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(1)
    row = b"\0" + bytes([200, 0, 0, 128]) * SIDE
    rows = b"".join(packer.compress(row) for _ in range(SIDE)) + packer.flush()
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 6, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    end = chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return [start + chunk(b"tEXt", b"Comment\0%d" % number) + end for number in range(count)]


@pytest.fixture
def installation(settings, tmp_path, transactional_db):
    """Media and models that no other test sees."""
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    return tmp_path


class Web:
    """The web part as `up` starts it."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        (folder / "logs").mkdir()
        clean = {name: value for name, value in environment().items() if not name.startswith("MALLOC_")}
        part = web_part(Options(data_dir=folder), clean, self.listener)
        with part.log.open("wb") as log:
            self.process = subprocess.Popen(
                part.argv, env=dict(part.env), cwd=ROOT, stdout=log, stderr=log, pass_fds=part.pass_fds
            )
        wait_for(lambda: self.get("/healthz") == 200, "the start of the web part")

    def get(self, path: str, seconds: float = 60) -> int:
        try:
            with urllib.request.urlopen(self.address + path, timeout=seconds) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def upload(self, project: int, token: str, files: dict[str, bytes]) -> tuple[int, str, dict]:
        """Status, Retry-After, body."""
        lines = []
        for name, content in files.items():
            lines.append(b'--b\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n' % name.encode())
            lines += [b"Content-Type: image/png\r\n\r\n", content, b"\r\n"]
        request = urllib.request.Request(
            f"{self.address}/api/projects/{project}/images/",
            b"".join([*lines, b"--b--\r\n"]),
            {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Token {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return answer.status, "", json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers.get("Retry-After", ""), json.load(refused)

    def processes(self) -> list[int]:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
        return [pid for pid, parent in pairs if parent == self.process.pid]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.listener.close()


@pytest.fixture
def web(installation):
    web = Web(installation)
    yield web
    web.stop()


def test_six_uploads_of_large_pictures_at_once_stay_below_a_gigabyte_a_process(web, project, lena):
    token = tokens.create_token(user=lena, name="test", scopes=None)[1]
    pngs = large_pngs(12)
    uploads = [{"a.png": pngs[2 * n], "b.png": pngs[2 * n + 1]} for n in range(6)]
    assert web.upload(project.pk, token, {"small.jpg": draw("cat", 1)})[0] == 200
    before = {pid: memory(pid) for pid in web.processes()}
    answers: list[tuple[int, str, dict]] = []
    senders = [
        threading.Thread(target=lambda files=files: answers.append(web.upload(project.pk, token, files)), daemon=True)
        for files in uploads
    ]

    for sender in senders:
        sender.start()
    alive = []
    while any(sender.is_alive() for sender in senders):
        alive.append(web.get("/healthz"))
        time.sleep(0.2)

    assert set(alive) == {200}
    assert {status for status, _again, _body in answers} <= {200, 503}
    assert all(int(again) > 0 for status, again, _body in answers if status == 503)
    assert 200 in {status for status, _again, _body in answers}
    # Sent again one after the other: what is in is a duplicate, the rest comes in now.
    for files in uploads:
        status, _again, body = web.upload(project.pk, token, files)
        assert (status, body["refused"]) == (200, [])
    assert Image.objects.filter(project=project).count() == 13
    assert set(web.processes()) == set(before)  # none was killed for its memory
    for pid in before:
        assert memory(pid, "VmHWM") < GIGABYTE
        assert memory(pid) < before[pid] + 150 * MEGABYTE


def test_many_programs_that_send_ordinary_pictures_at_once_wait_for_each_other_and_none_is_refused(web, project, lena):
    token = tokens.create_token(user=lena, name="test", scopes=None)[1]
    answers: list[int] = []

    def send(number: int) -> None:
        answers.append(web.upload(project.pk, token, {f"{number}.jpg": draw("cat", number)})[0])

    senders = [threading.Thread(target=send, args=(number,), daemon=True) for number in range(16)]

    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(120)

    assert answers == [200] * 16
    assert Image.objects.filter(project=project).count() == 16


def test_a_worker_that_unpacked_a_bomb_gives_the_memory_back(project, lena, installation, settings):
    def imported(name: str, files: dict[str, bytes]) -> State:
        path = settings.MEDIA_DIR / "uploads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for member, content in files.items():
                archive.writestr(member, content)
        job = jobs.request_import(project=project, requested_by=lena, params={"path": f"uploads/{name}"})
        wait_for(lambda: (job.refresh_from_db(), job.is_finished)[1], "the end of the import")
        wait_for(lambda: not path.exists(), "the removal of the upload")
        return job.state

    worker = Worker("default", "io@here", installation / "worker.log")
    try:
        assert imported("small.zip", {"a.jpg": draw("cat", 1)}) == State.DONE
        (pid,) = worker.children()
        before = memory(pid)
        zeros = bytes(90 * 1024 * 1024)
        assert imported("bomb.zip", {f"{n}.png": zeros for n in range(4)}) == State.DONE
        assert worker.children() == [pid]
        wait_for(lambda: memory(pid) < before + 60 * MEGABYTE, f"the return of memory of {memory(pid):,} bytes")
        assert memory(pid, "VmHWM") < before + 350 * MEGABYTE
    finally:
        worker.stop()
