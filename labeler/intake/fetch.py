"""Fetch an image from an address that somebody wrote down, trusting neither the address nor who answers there.

http and https on their usual ports. The name is looked up once, every address it has must be public, and the connection
goes to that very address: neither a second look-up nor a redirect leads inside. No proxies, cookies or credentials; no
more bytes and seconds than below. LABELER_FETCH_NETWORKS names private networks that may be asked all the same, on any
port. Knows bytes, not images.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.intake.archives import Member
from labeler.intake.check import Refused

CONNECT_SECONDS, WHOLE_SECONDS = 5.0, 30.0
MOST_BYTES = 25 * 2**20
MOST_REDIRECTS = 3
AT_ONCE = 8  # so many are fetched ahead, each of MOST_BYTES at most
PORTS = {"http": 80, "https": 443}
STEP = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def fetch(url: str) -> bytes:
    """The bytes behind an address. Raises Refused with a sentence."""
    for _hop in range(MOST_REDIRECTS + 1):
        answer = _get(url)
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise Refused(_("The address leads on and on: more than %(n)s redirects.") % {"n": MOST_REDIRECTS})


def _get(url: str) -> bytes | str:
    """The body, or where a redirect leads."""
    parts = _checked(url)
    address = _public_address(parts)
    port = parts.port or PORTS[parts.scheme]
    connection = _Connection(parts, str(address), port)
    # Each wait is bounded by the socket's time-out; all of them together by this.
    watch = threading.Timer(WHOLE_SECONDS, connection.give_up)
    watch.daemon = True
    watch.start()
    try:
        return _answer(connection, parts)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if connection.is_late:
            raise Refused(
                _("The server took longer than %(seconds)s seconds.") % {"seconds": f"{WHOLE_SECONDS:.0f}"}
            ) from error
        raise Refused(_("The server of this address did not answer as it should.")) from error
    finally:
        watch.cancel()
        connection.close()


def _answer(connection: _Connection, parts: SplitResult) -> bytes | str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
        f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
    )
    connection.request(
        "GET", path, headers={"User-Agent": "Labeler", "Accept": "image/*", "Accept-Encoding": "identity"}
    )
    with connection.getresponse() as response:
        if response.status in (301, 302, 303, 307, 308):
            if not (location := response.getheader("Location")):
                raise http.client.HTTPException("a redirect without an aim")
            return location
        if response.status != http.client.OK:
            raise Refused(_("The server answered %(status)s instead of an image.") % {"status": response.status})
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise Refused(_("The server sends the image packed, which is not read here."))
        most = min(MOST_BYTES, settings.MAX_IMAGE_BYTES)
        if (response.length or 0) > most:
            raise Refused(_too_large(most))
        return _body(connection, response, most)


def _body(connection: _Connection, response: http.client.HTTPResponse, most: int) -> bytes:
    content = bytearray()
    while step := response.read1(STEP):
        content += step
        if len(content) > most:
            raise Refused(_too_large(most))
        if connection.is_late:
            raise TimeoutError
    if connection.is_late or response.length:
        raise http.client.IncompleteRead(bytes(content))
    return bytes(content)


def _too_large(most: int) -> str:
    return _("The file behind this address is larger than %(megabytes)s MB.") % {"megabytes": most // 2**20}


# ---------------------------------------------------------------- addresses


def _checked(url: str) -> SplitResult:
    """Raises Refused for all but a plain http or https address."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise Refused(_("This is no address.")) from error
    if parts.scheme not in PORTS or not host:
        raise Refused(_("Only addresses that begin with http:// or https:// are fetched."))
    if parts.username or parts.password:
        raise Refused(_("An address with a name or a password in it is not fetched."))
    if port not in (None, *PORTS.values()) and not _networks():
        raise Refused(_("Only the ports 80 and 443 are asked."))
    return parts


def _public_address(parts: SplitResult) -> Address:
    """The address to connect to. Raises Refused where the name leads inside, or nowhere."""
    host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
    except (OSError, UnicodeError, ValueError) as error:
        raise Refused(_("There is no server of that name.")) from error
    for address in addresses:
        is_allowed = any(address in network for network in _networks())
        if not is_allowed and (not is_public(address) or port not in PORTS.values()):
            raise Refused(_("This address leads into a private network, or to a port that is not asked."))
    return addresses[0]


def is_public(address: Address) -> bool:
    """Also of an IPv4 address that hides in one of IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _networks() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(one) for one in settings.FETCH_NETWORKS]


class _Connection(http.client.HTTPConnection):
    """To an address that was checked, whatever its name is by now. TLS holds the certificate against the name."""

    def __init__(self, parts: SplitResult, address: str, port: int) -> None:
        super().__init__(str(parts.hostname), port, timeout=CONNECT_SECONDS)
        self._address, self._is_tls, self.is_late = address, parts.scheme == "https", False

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), CONNECT_SECONDS)
        try:
            self.sock: Any = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) if self._is_tls else plain
            )
        except BaseException:
            plain.close()
            raise

    def give_up(self) -> None:
        """From another thread: what waits for this connection ends now."""
        self.is_late = True
        sock = self.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


# ---------------------------------------------------------------- many


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read: from the file, else from the address."""

    name: str
    source: Callable[[], bytes] | None
    url: str = ""


class Ahead:
    """Gives what is wanted as members, in order, and fetches the next AT_ONCE addresses meanwhile."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def members(self, wanted: Iterator[Wanted]) -> Iterator[Member]:
        waiting: deque[Member] = deque()
        for one in wanted:
            if one.source is not None:
                waiting.append(Member(one.name, one.source))
            else:
                self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch")
                coming: Future[bytes] = self._pool.submit(fetch, one.url)
                waiting.append(Member(one.name, partial(_result, coming)))
            if len(waiting) >= AT_ONCE:
                yield waiting.popleft()
        yield from waiting


def _result(coming: Future[bytes]) -> bytes:
    return coming.result()
