"""A client's socket as the web worker uses it: bytes in, bytes and parts of files out, never blocking.

Knows nothing of requests or deadlines (web_worker.py).
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from collections import deque
from typing import Any

from gunicorn import util

SILENCE_SECONDS = 10.0  # without a byte of a request that is not whole
UNTAKEN_SECONDS = 30.0  # without a byte taken of an answer
MOST_UNSENT = 2**20  # of one answer; above it its thread waits for the client
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
READ = 64 * 1024
_SENT_AT_ONCE = 2**20  # of one file, before others get their turn


class ClientSocket:
    """A client's socket as gunicorn's parser and answers use it. Never blocking below.

    received: bytes that came and that nobody has read. unsent: bytes and parts of files that the client has not taken.
    Belongs to one thread at a time: the loop's, or that of the request.
    """

    def __init__(self, sock: socket.socket):
        sock.setblocking(False)
        self.sock = sock
        self.received = bytearray()
        self.unsent: deque[memoryview | FilePart] = deque()
        self.n_unsent = 0  # bytes, without those of files
        self.may_wait = False  # for more of the request: only on the threads for files
        self.expects = False  # the client waits for "100 Continue" before it sends its body
        self.is_lost = False

    def fileno(self) -> int:
        return self.sock.fileno()

    # ---------------------------------------------------------------- the parser's side

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end of what there is. Raises ConnectionError for a silent client."""
        if not self.received and self.may_wait and not self.is_lost:
            if self.expects:
                self.expects = False
                self.sendall(_CONTINUE)
            if not self._becomes(select.POLLIN, SILENCE_SECONDS):
                raise ConnectionResetError(errno.ECONNRESET, "nothing came for some seconds")
            try:
                return self.sock.recv(size)
            except BlockingIOError:
                return self.recv(size)
        sent = bytes(self.received[:size])
        del self.received[:size]
        return sent

    def fill(self) -> bool:
        """Take what has come. False: the client has closed, or is gone."""
        try:
            came = self.sock.recv(READ)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.received += came
        return bool(came)

    # ---------------------------------------------------------------- the answer's side

    def send(self, data: bytes) -> int:
        """Only gunicorn's "100 Continue", which recv() sends when the body is wanted."""
        self.expects = True
        return len(data)

    def sendall(self, data: bytes) -> None:
        if not self.unsent:
            with contextlib.suppress(BlockingIOError):
                data = data[self.sock.send(data) :]
        if data:
            self.unsent.append(memoryview(data))
            self.n_unsent += len(data)
        while self.n_unsent > MOST_UNSENT:
            if not self._becomes(select.POLLOUT, UNTAKEN_SECONDS):
                raise ConnectionResetError(errno.ECONNRESET, "nothing of the answer was taken for some seconds")
            self.pump()

    def sendfile(self, file: Any, offset: int, count: int) -> None:
        """Have the loop send it: a large file to a slow client needs no thread."""
        self.unsent.append(FilePart(os.dup(file.fileno()), offset, count))

    def pump(self) -> None:
        """Send what the client takes now. Raises OSError when it is gone."""
        budget = _SENT_AT_ONCE
        while self.unsent and budget > 0:
            first = self.unsent[0]
            try:
                sent = first.send_to(self.sock) if isinstance(first, FilePart) else self.sock.send(first)
            except BlockingIOError:
                return
            budget -= sent
            if isinstance(first, FilePart):
                if first.count == 0:
                    first.close()
                    self.unsent.popleft()
            else:
                self.n_unsent -= sent
                if sent == len(first):
                    self.unsent.popleft()
                else:
                    self.unsent[0] = first[sent:]

    def _becomes(self, event: int, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.sock, event)
        return bool(poll.poll(seconds * 1000))

    # ---------------------------------------------------------------- what gunicorn calls besides

    def setblocking(self, flag: bool) -> None:
        """It is never blocking."""

    def settimeout(self, seconds: float | None) -> None:
        """The deadlines are above."""

    def gettimeout(self) -> float:
        return 0.0

    def shutdown(self, how: int) -> None:
        self.is_lost = True

    def close(self) -> None:
        """By the loop alone, in end(): here it only stops reading."""
        self.is_lost = True

    def end(self) -> None:
        for part in self.unsent:
            if isinstance(part, FilePart):
                part.close()
        self.unsent.clear()
        self.received.clear()
        self.n_unsent = 0
        util.close(self.sock)


class FilePart:
    """Bytes of a file, with a descriptor of their own: the application closes its file when it has answered."""

    def __init__(self, descriptor: int, offset: int, count: int):
        self.descriptor, self.offset, self.count = descriptor, offset, count

    def send_to(self, sock: socket.socket) -> int:
        sent = os.sendfile(sock.fileno(), self.descriptor, self.offset, min(self.count, _SENT_AT_ONCE))
        if sent == 0:  # the file is shorter than it was: the client must not take what it has for the whole
            raise ConnectionResetError(errno.ECONNRESET, "the file was cut short")
        self.offset += sent
        self.count -= sent
        return sent

    def close(self) -> None:
        os.close(self.descriptor)
