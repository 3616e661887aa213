"""A server on the loopback that answers as a test wants: well, with a redirect, without end, or one byte at a time."""

from __future__ import annotations

import contextlib
import http.server
import threading
from dataclasses import dataclass, field


@dataclass
class Asked:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Answers by the path: /ok, /status/503, /redirect, /endless, /slow, /head (a head that never ends), /rubbish."""

    asked: list[Asked] = field(default_factory=list)
    status: int = 200  # of /ok
    over: threading.Event = field(default_factory=threading.Event)
    sent: int = 0  # bytes of endless bodies

    def __enter__(self) -> Server:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            do_GET = do_POST

            def log_message(self, *words: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    def url(self, path: str = "/ok", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.asked.append(Asked(handler.path, {k.lower(): v for k, v in handler.headers.items()}, body))
        with contextlib.suppress(OSError):  # the other side has gone
            match handler.path.split("/")[1]:
                case "status":
                    self._said(handler, int(handler.path.split("/")[2]))
                case "redirect":
                    handler.send_response(307)
                    handler.send_header("Location", self.url("/inside"))
                    handler.end_headers()
                case "endless":
                    handler.send_response(200)
                    handler.end_headers()
                    while not self.over.is_set():
                        self.sent += handler.wfile.write(b"x" * 65536)
                case "slow" | "head" as how:
                    if how == "slow":
                        handler.send_response(200)
                        handler.end_headers()
                    else:
                        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
                    while not self.over.wait(0.05):
                        handler.wfile.write(b"x")
                        handler.wfile.flush()
                case "rubbish":
                    handler.wfile.write(b"\x00\xff not HTTP at all\r\n\r\n")
                case _:
                    self._said(handler, self.status)

    def _said(self, handler: http.server.BaseHTTPRequestHandler, status: int) -> None:
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(b"thanks")
