"""gunicorn's threaded worker with deadlines: a connection takes a thread only when there is work for one.

The loop that accepts connections also reads each request, head and body, into memory, and finishes sending what a
client is slow to take. Only a body too long to be held (a file) is read by the thread that wants it; those threads are
apart, so that uploads never take the ones on which labels are saved. Whoever sends or takes nothing for some seconds is
dropped. Knows bytes and times; what a request means is gunicorn's parser's and the application's business.
"""

from __future__ import annotations

import errno
import re
import resource
import selectors
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from gunicorn import http, util
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from labeler.launch.client_socket import _CONTINUE, SILENCE_SECONDS, UNTAKEN_SECONDS, ClientSocket

HEAD_SECONDS = 20.0  # for a whole head, however steadily it drips
LEAST_BYTES_PER_SECOND = 8 * 1024  # of a body that is held: what it may take beyond HEAD_SECONDS
LINGER_SECONDS = 5.0  # for a client that is still sending to read why nobody wants it
LINGER_BYTES = 64 * 2**20

LONGEST_HEAD = 64 * 1024
LONGEST_HELD_BODY = 5 * 2**20  # settings.DATA_UPLOAD_MAX_MEMORY_SIZE: longer ones are files, or refused unread
MOST_HELD = 64 * 2**20  # of bodies, and of answers, per process; above it whoever has most is dropped
FILE_THREADS = 4  # that read long bodies as slowly as they come
FORM_THREADS = 3  # for forms with files that are there whole; more of them wait in line, without a thread
DESCRIPTORS = 4096
SPARE_CONNECTIONS = 20  # below worker_connections: whoever was silent longest makes room

_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
_FORM = re.compile(rb"\r\ncontent-type[ \t]*:[ \t]*multipart/form-data", re.IGNORECASE)
_CODED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class Connection(TConn):
    """One client: its line, what is known of the request that it sends, and until when the loop has patience."""

    sock: ClientSocket

    def __init__(self, cfg: Any, line: ClientSocket, client: Any, server: Any):
        super().__init__(cfg, line, client, server)
        self.initialized = True
        self.parser = http.get_parser(cfg, line, client)
        self.moved = self.until = 0.0  # monotonic: when a byte moved last; when patience ends in any case
        self.silence = SILENCE_SECONDS
        self.on_ready: Any = None
        self.discarded = 0
        self.reserved = 0  # bytes of MOST_HELD
        self.begin()

    def begin(self) -> None:
        """For the next request."""
        self.searched = 0
        self.needed: int | None = None  # bytes of the request in memory, once its head is there
        self.is_held = True  # the whole request is in memory before it gets a thread
        self.is_long = False  # a body that a thread for files reads
        self.is_form = False  # perhaps with pictures, which take seconds to look at
        self.sock.may_wait = self.sock.expects = False

    def is_whole(self) -> bool:
        """Whether a thread can begin with what has come. Raises ValueError for a head that is too long.

        What is decided here is only where and when a request is parsed; how it is, is gunicorn's parser's alone.
        """
        line = self.sock
        if self.needed is None:
            end = line.received.find(b"\r\n\r\n", max(self.searched - 3, 0))
            if end < 0:
                if len(line.received) > LONGEST_HEAD:
                    raise ValueError("too long")
                # No head ends so: the parser says what is wrong with it.
                broken = line.received.find(b"\n\n", max(self.searched - 1, 0)) >= 0
                self.searched = len(line.received)
                return broken
            head = bytes(line.received[: end + 2])
            self.needed = end + 4
            if len(head) > LONGEST_HEAD:
                raise ValueError("too long")
            if _CODED.search(head):
                self.is_held = False  # of unknown length: refused unread
            elif (found := _LENGTH.search(head)) is not None:
                if (length := int(found[1])) <= LONGEST_HELD_BODY:
                    self.needed += length
                    self.is_form = bool(_FORM.search(head))
                    self.until += length / LEAST_BYTES_PER_SECOND
                    if len(line.received) < self.needed and _EXPECTS.search(head):
                        line.sendall(_CONTINUE)
                else:
                    self.is_held, self.is_long, line.may_wait = False, True, True
        return len(line.received) >= self.needed


class WebWorker(ThreadWorker):
    """The worker that gunicorn_conf.py names."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.watched: dict[int, Connection] = {}  # by descriptor: connections that no thread works for
        self.file_pool: ThreadPoolExecutor | None = None
        self.form_pool: ThreadPoolExecutor | None = None
        self.reserved = 0  # bytes, by all connections
        self.swept_at = 0.0

    def init_process(self) -> None:
        # A connection that takes a file has two descriptors, and 1,024 is what a process often may have.
        allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if allowed < DESCRIPTORS <= most or (allowed < DESCRIPTORS and most == resource.RLIM_INFINITY):
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, most))
        self.file_pool = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="files")
        self.form_pool = ThreadPoolExecutor(FORM_THREADS, thread_name_prefix="forms")
        super().init_process()

    # ---------------------------------------------------------------- from a connection to a thread

    def accept(self, listener: Any) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.make_room()
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        self.await_request(Connection(self.cfg, ClientSocket(sock), address, listener.getsockname()), SILENCE_SECONDS)
        if self.nr_conns > self.worker_connections - SPARE_CONNECTIONS:
            self.make_room()

    def await_request(self, conn: Connection, silence: float) -> None:
        conn.begin()
        now = time.monotonic()
        # A connection between two requests may rest; once a byte of the next one is there, the clock runs.
        if conn.sock.received:  # sent behind the last one
            silence = SILENCE_SECONDS
        conn.moved, conn.silence, conn.until = now, silence, now + max(silence, HEAD_SECONDS)
        if not self.alive:
            conn.until = now + STOP_KEEPALIVE_LINGER
        self.read(conn)

    def read(self, conn: Connection) -> None:
        line = conn.sock
        had = len(line.received)
        is_open = line.fill()
        if len(line.received) > had:
            conn.moved = time.monotonic()
            if not had:
                conn.silence, conn.until = SILENCE_SECONDS, conn.moved + HEAD_SECONDS
        try:
            is_whole = bool(line.received) and conn.is_whole()
        except ValueError:
            self.refuse(conn, 431, "Request Header Fields Too Large", "The head of the request is too long.")
            return
        except OSError:
            is_whole = is_open = False
        if conn.needed and conn.is_held and conn.needed > LONGEST_HEAD and not self.reserve(conn):
            self.refuse(conn, 503, "Service Unavailable", "Too much is being sent at the moment. Try again.")
        elif is_whole:
            self.unwatch(conn)
            self.enqueue_req(conn)
        elif is_open:
            self.watch(conn, selectors.EVENT_READ, self.read)
        else:
            self.drop(conn)

    def reserve(self, conn: Connection) -> bool:
        """Have room for the whole body of `conn`, at the cost of the largest that are not whole yet."""
        if conn.reserved:
            return True
        while self.reserved + int(conn.needed or 0) > MOST_HELD:
            others = [other for other in self.watched.values() if other.reserved]
            if not others:
                return False  # all of it is being worked on
            self.drop(max(others, key=lambda other: (other.reserved, -other.moved)))
        conn.reserved = int(conn.needed or 0)
        self.reserved += conn.reserved
        return True

    def release(self, conn: Connection) -> None:
        self.reserved -= conn.reserved
        conn.reserved = 0

    def refuse(self, conn: Connection, status: int, reason: str, why: str) -> None:
        try:
            util.write_error(conn.sock, status, reason, why)
        except OSError:
            self.drop(conn)
        else:
            self.linger(conn)

    def enqueue_req(self, conn: Connection) -> None:
        pool = self.file_pool if conn.is_long else self.form_pool if conn.is_form else self.tpool
        assert pool is not None
        work = pool.submit(self.handle, conn)
        work.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    # ---------------------------------------------------------------- on a thread

    def handle_request(self, req: Any, conn: Connection) -> Any:
        if not conn.is_held:
            req.force_close()  # announced to the client: where its next request would begin is not known
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        # A held body that nobody read is in memory: passing over it waits for nobody.
        return bool(keepalive and conn.is_held and conn.parser.finish_body())

    # ---------------------------------------------------------------- from a thread to the next request

    def finish_request(self, conn: Connection, work: Future) -> None:
        keep = not work.cancelled() and work.exception() is None and work.result() is True
        line = conn.sock
        if keep:
            line.received[:0] = conn.parser.unreader.take_buffered()
        conn.moved, conn.silence = time.monotonic(), UNTAKEN_SECONDS
        conn.until = float("inf")
        self.release(conn)
        self.send(conn, keep=keep)

    def send(self, conn: Connection, *, keep: bool) -> None:
        """Finish the answer, as fast as the client takes it."""
        line = conn.sock
        try:
            line.pump()
        except OSError:
            self.drop(conn)
            return
        conn.moved = time.monotonic()
        if line.unsent:
            self.watch(conn, selectors.EVENT_WRITE, partial(self.send, keep=keep))
        elif keep:
            self.await_request(conn, float(self.cfg.keepalive))
        else:
            self.linger(conn)

    def linger(self, conn: Connection) -> None:
        """Close so that the client can read the answer: closed with bytes unread, a connection loses what was sent."""
        try:
            conn.sock.pump()
            conn.sock.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(conn)
            return
        conn.sock.received.clear()
        conn.moved, conn.silence = time.monotonic(), LINGER_SECONDS
        conn.until = conn.moved + LINGER_SECONDS
        self.discard(conn)

    def discard(self, conn: Connection) -> None:
        line = conn.sock
        is_open = line.fill()
        conn.discarded += len(line.received)
        line.received.clear()
        if not is_open or conn.discarded > LINGER_BYTES:
            self.drop(conn)
        else:
            self.watch(conn, selectors.EVENT_READ, self.discard)

    # ---------------------------------------------------------------- connections that no thread works for

    def watch(self, conn: Connection, events: int, on_ready: Any) -> None:
        descriptor = conn.sock.fileno()
        known = self.watched.get(descriptor)
        conn.on_ready = on_ready
        if known is None:
            self.watched[descriptor] = conn
            self.poller.register(descriptor, events, lambda _descriptor: conn.on_ready(conn))
        elif self.poller.get_key(descriptor).events != events:
            self.poller.modify(descriptor, events, self.poller.get_key(descriptor).data)

    def unwatch(self, conn: Connection) -> None:
        if self.watched.pop(conn.sock.fileno(), None) is not None:
            self.poller.unregister(conn.sock.fileno())

    def drop(self, conn: Connection) -> None:
        self.unwatch(conn)
        self.release(conn)
        conn.sock.end()
        self.nr_conns -= 1

    def make_room(self) -> None:
        """Whoever was silent longest goes. Not whoever came last: somebody who comes to work speaks at once."""
        if self.watched:
            self.drop(min(self.watched.values(), key=lambda conn: conn.moved))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As gunicorn's, for connections that another's turn may have closed meanwhile."""
        known = self.poller.get_map()
        for key, _events in self.poller.select(timeout):
            if key.fd in known and known[key.fd].data is key.data:
                key.data(key.fileobj)

    def murder_keepalived(self, force: bool = False) -> None:
        """gunicorn calls this once per turn of the loop, and with `force` when it ends."""
        if force:
            for conn in list(self.watched.values()):
                self.drop(conn)
            for pool in (self.file_pool, self.form_pool):
                if pool is not None:
                    pool.shutdown(wait=False)
        elif time.monotonic() - self.swept_at >= 0.5:
            self.sweep()

    def sweep(self) -> None:
        """Drop whoever has used up the patience, and whose answers take most room where all take too much."""
        self.swept_at = now = time.monotonic()
        for conn in list(self.watched.values()):
            if now > conn.until or now > conn.moved + conn.silence:
                self.drop(conn)
        unsent = sorted(self.watched.values(), key=lambda conn: conn.sock.n_unsent)
        while unsent and sum(conn.sock.n_unsent for conn in unsent) > MOST_HELD:
            self.drop(unsent.pop())

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker stops: what has not sent a whole request by `deadline` goes."""
        for conn in self.watched.values():
            if not conn.sock.unsent:
                conn.until = min(conn.until, deadline)
