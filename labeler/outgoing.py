"""One request to an address that a person typed: nothing inside of this network is reached by it, and nothing hangs.

The name is resolved once, every address it has must be public, and the connection goes to the address that was looked
at, so that a name which answers differently a moment later gains nothing. No redirect is followed, no proxy, password
file or cookie used, at most so many bytes read in so much time. What failed is said in sentences that tell nothing of
what answers inside. Knows HTTP; what is sent and why is its callers'.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from labeler.errors import Invalid

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0  # from the connection to the last byte read: a server that sends a byte a second gains nothing
MOST_BYTES = 64 * 1024
TRIED = 3  # addresses of one name
LONGEST_URL = 2000
PORTS = {"http": 80, "https": 443}
# Ranges that Python 3.11 takes for public: local NAT64, 6to4 relays, benchmarking, protocol assignments.
NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "192.88.99.0/24", "198.18.0.0/15", "192.0.0.0/24")))
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """There was no answer; str() is one sentence for the person who typed the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. body: as much of it as was asked for. headers: by their names in small letters."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_whole: bool = True


def checked_url(url: str) -> SplitResult:
    """The parts of an address that may be asked, as far as that can be told without resolving its name.

    http or https, the usual port unless the operator allows another (LABELER_OUTGOING_ALLOW), no user name or password
    in it, no fragment. Raises Invalid.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except (ValueError, UnicodeError) as error:
        raise _invalid(_("This is no address: write it as https://host/path.")) from error
    if len(url) > LONGEST_URL or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise _invalid(_("The address is too long, or has blanks or control characters in it."))
    if parts.scheme not in PORTS or not host:
        raise _invalid(_("The address must begin with https:// or http:// and name a host."))
    if parts.username is not None or parts.password is not None:
        raise _invalid(_("Leave user name and password out of the address."))
    if parts.fragment:
        raise _invalid(_("Leave out what follows the # in the address: it is never sent."))
    if is_allowed(host, port or PORTS[parts.scheme]):
        return parts
    if port not in (None, *PORTS.values()) and not _networks():
        raise _invalid(_("Only ports 80 and 443 are used, unless an operator allows the host."))
    with contextlib.suppress(ValueError):  # a name: its addresses are looked at when it is asked
        if not _may_be_asked(host.strip("[]"), port or PORTS[parts.scheme]):
            raise _invalid(_("This address is inside of a network. An operator can allow it."))
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise _invalid(_("This address is inside of a network. An operator can allow it."))
    return parts


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, fields={"url": ["not an address to be asked"]})


def is_allowed(host: str, port: int | None) -> bool:
    """Does the operator allow this host ("host", or "host:port"), wherever it is?"""
    allowed = settings.OUTGOING_ALLOW
    return host in allowed or f"{host}:{port}" in allowed


def _networks() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Those that the operator allows, on any port."""
    return [ipaddress.ip_network(one) for one in settings.OUTGOING_ALLOW if "/" in one]


def _may_be_asked(address: str, port: int) -> bool:
    """Raises ValueError for what is no address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return any(found in network for network in _networks()) or (is_public(address) and port in PORTS.values())


def is_public(address: str) -> bool:
    """Is this an address of the internet at large? Not private, loopback, link-local, multicast, reserved, and none
    that leads to such an IPv4 address in disguise. Raises ValueError for what is no address.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and (inner := _inner(found)) is not None:
        return is_public(str(inner))
    if any(found in network for network in NOT_PUBLIC if network.version == found.version):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that one of IPv6 stands for: mapped, 6to4, Teredo, NAT64."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, each of which may be asked. Raises Unreachable, also when only one of them may not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(_("There is no host of this name.")) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not is_allowed(host, port) and not all(_may_be_asked(address, port) for address in addresses):
        raise Unreachable(_("The host's name leads inside of a network, which is not asked."))
    return addresses


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was looked at, whatever the name says by now."""

    def __init__(self, host: str, port: int, addresses: list[str], tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS)
        self.addresses, self.tls = addresses[:TRIED], tls
        self.over = threading.Event()
        self.held: socket.socket | None = None  # `sock` is given up before the body is read

    def connect(self) -> None:
        for at, address in enumerate(self.addresses, start=1):
            try:
                self.sock = self.held = socket.create_connection((address, self.port), CONNECT_SECONDS)
                break
            except OSError:
                if at == len(self.addresses) or self.over.is_set():
                    raise
        if self.tls:
            # Not in one step: `cut` must reach a handshake that never ends.
            self.sock = self.held = self.tls.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
        if self.over.is_set():
            raise TimeoutError
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def cut(self) -> None:
        """End it from another thread: whatever reads or writes returns at once."""
        self.over.set()
        if self.held is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.held, socket.SHUT_RDWR)  # not TLS's own, which waits for the other side


@contextlib.contextmanager
def _ended_after(connection: _Connection, seconds: float) -> Iterator[threading.Event]:
    timer = threading.Timer(seconds, connection.cut)
    timer.daemon = True
    timer.start()
    try:
        yield connection.over
    finally:
        timer.cancel()
        connection.close()


def request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
    seconds: float = TOTAL_SECONDS,
) -> Answer:
    """Ask once, and read at most `most_bytes` of the answer. A redirect is an answer like others.

    Raises Invalid for an address that is never asked, and Unreachable when nothing, or nothing usable, came back.
    """
    parts = checked_url(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    connection = _Connection(host, port, resolve(host, port), tls)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with _ended_after(connection, seconds) as over:
        try:
            connection.request(
                method, quote(target, safe="%/:=&?~+!$,;'@()*[]"), body=body,
                headers={"Accept-Encoding": "identity", "Connection": "close", **(headers or {})},
            )  # fmt: skip
            response = connection.getresponse()
            is_too_long = (response.length or 0) > most_bytes
            read = response.read(most_bytes + 1)
            if not is_too_long and response.length:
                raise http.client.IncompleteRead(read)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(_too_late() if over.is_set() else _why(error)) from None
        if over.is_set():
            raise Unreachable(_too_late())
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, read[:most_bytes], len(read) <= most_bytes and not is_too_long)


def _too_late() -> str:
    return _("The server did not answer in time.")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _("The server's certificate cannot be trusted.")
    if isinstance(error, ssl.SSLError):
        return _("No encrypted connection could be made.")
    if isinstance(error, TimeoutError):
        return _too_late()
    if isinstance(error, http.client.IncompleteRead):
        return _("The answer ended too early.")
    if isinstance(error, OSError):
        return _("No connection could be made.")
    return _("What came back is not HTTP.")
