"""Limit failed log-ins: who may try now, and how long others wait. Guessing gets slow, and no account is locked.

The only module that writes LoginFailures. It knows names, addresses and the time; whether a password is right, the
caller says (labeler/accounts/people.py).

Tries are counted for a name from an address, for the address, and for the name. Each count forgets one try per
`each`; a try past `allowed` is not judged but gets a turn, at the end of its wait, which nobody else can take: so a
right password works after the wait that was told, whatever others do from the same address or to the same name. Whom
a password has let in from an address before, the counts of the address and of the name do not stop there.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.errors import TooManyRequests
from labeler.models.statements import execute


@dataclass(frozen=True, slots=True)
class Limit:
    """`allowed` tries at once; one is forgotten per `each`; nobody waits longer than `longest` for a turn."""

    allowed: int
    each: timedelta
    longest: timedelta


PAIR = Limit(10, timedelta(minutes=5), timedelta(minutes=5))
# Somebody who guesses names must not make a whole office wait: seconds.
ADDRESS = Limit(50, timedelta(seconds=5), timedelta(seconds=10))
# Guesses from everywhere: people whom the name belongs to come from where they came from before.
NAME = Limit(50, timedelta(seconds=30), timedelta(minutes=5))

KNOWN_FOR = timedelta(days=90)
TURN_KEPT_FOR = timedelta(hours=1)
DELETED_AT_ONCE = 20  # a try makes three rows at most, so deleting keeps up

# Turns cost a flood of names one request each, and a judgement 60 ms of processor time: of the four threads of a web
# process two at most do that, the others go on serving pages.
_turns = threading.BoundedSemaphore(2)
BUSY_SECONDS = 2

_READ = """
    INSERT INTO labeler_loginfailures (key, forgotten_at, kept_until)
    VALUES (%s, clock_timestamp(), now()), (%s, clock_timestamp(), now()), (%s, clock_timestamp(), now())
    ON CONFLICT (key) DO UPDATE SET key = excluded.key
    RETURNING key, forgotten_at, turn_at, known_until, clock_timestamp()
"""
_WRITE = """
    UPDATE labeler_loginfailures SET forgotten_at = %s, turn_at = %s, known_until = %s, kept_until = %s WHERE key = %s
"""
_DELETE = f"""
    DELETE FROM labeler_loginfailures WHERE key IN (
        SELECT key FROM labeler_loginfailures WHERE kept_until < now() LIMIT {DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED)
"""


@dataclass(slots=True)
class _Count:
    """A row of LoginFailures, locked."""

    key: str
    limit: Limit
    forgotten_at: datetime
    turn_at: datetime | None
    known_until: datetime | None

    def wait(self, now: datetime) -> timedelta:
        """How long until one more is within the limit; not positive: it is now."""
        return min(self.limit.longest, self.forgotten_at - now - (self.limit.allowed - 1) * self.limit.each)

    def add(self, now: datetime, tries: int = 1) -> None:
        fullest = now + self.limit.allowed * self.limit.each + self.limit.longest
        self.forgotten_at = max(now, min(fullest, max(now, self.forgotten_at) + tries * self.limit.each))

    def write(self, cursor: object) -> None:
        times = [self.forgotten_at, self.known_until, self.turn_at and self.turn_at + TURN_KEPT_FOR]
        kept_until = max(time for time in times if time)
        cursor.execute(_WRITE, [self.forgotten_at, self.turn_at, self.known_until, kept_until, self.key])  # type: ignore[attr-defined]


class Try:
    """A try that may be judged. It counts as a failure from the start, so that of many at once none is for free."""

    def __init__(self, username: str, address: str):
        name, network = _plain(username), _network(address)
        # Always locked in this order, by one statement: two tries cannot wait for each other.
        self.keys = [_digest("pair", name, network), _digest("address", network), _digest("name", name)]
        self.has_turn = False

    def succeeded(self) -> None:
        """It was the right password: the failures before it are forgotten, and the address is one that it is known at.

        What was counted for the address and the name is given back; what others did there stays.
        """
        with self._counts() as (pair, totals, now):
            if not pair.known_until or pair.known_until < now:
                for count in totals:
                    count.add(now, -1)
            pair.forgotten_at, pair.turn_at, pair.known_until = now, None, now + KNOWN_FOR

    def count(self) -> None:
        """Count it, or give it a turn. Raises TooManyRequests where it has to wait."""
        execute(_DELETE)
        with self._counts() as (pair, totals, now):
            wait = pair.turn_at - now if pair.turn_at else None
            if wait is None:
                asked = totals if not pair.known_until or pair.known_until < now else []
                wait = max(count.wait(now) for count in (pair, *asked))
                for count in asked:
                    count.add(now)
                if wait > timedelta(0):
                    pair.turn_at = now + wait
            elif wait <= timedelta(0):
                self.has_turn = _turns.acquire(blocking=False)
                if not self.has_turn:
                    raise _too_many(BUSY_SECONDS)  # the turn is kept
                pair.turn_at = None
            if wait <= timedelta(0):
                pair.add(now)
        if wait > timedelta(0):
            raise _too_many(ceil(wait.total_seconds()))

    @contextmanager
    def _counts(self) -> Iterator[tuple[_Count, list[_Count], datetime]]:
        """The three counts, locked, and written at the end, with the database's time: servers' clocks differ."""
        # Durable: what a try costs must not be rolled back with whatever its caller does.
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(_READ, self.keys)
            found = {key: row for key, *row in cursor.fetchall()}
            now = max(row[-1] for row in found.values())
            limits = zip(self.keys, (PAIR, ADDRESS, NAME), strict=True)
            pair, *totals = (_Count(key, limit, *found[key][:-1]) for key, limit in limits)
            yield pair, totals, now
            for count in (pair, *totals):
                count.write(cursor)


@contextmanager
def trying(*, username: str, address: str) -> Iterator[Try]:
    """Judge a password inside of this, and call succeeded() on what it gives if it was right.

    Raises TooManyRequests, with the seconds that really remain, where the name or the address has to wait.
    """
    attempt = Try(username, address)
    try:
        attempt.count()
        yield attempt
    finally:
        if attempt.has_turn:
            _turns.release()


def _too_many(seconds: int) -> TooManyRequests:
    if seconds > 90:
        minutes = ceil(seconds / 60)
        told = ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    else:
        told = ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    return TooManyRequests(
        _("Too many wrong passwords. Wait %(time)s, then try again.") % {"time": told}, retry_after=seconds
    )


def _plain(username: str) -> str:
    """One spelling for what people take for one name."""
    return unicodedata.normalize("NFKC", username.strip()).casefold()


def _network(address: str) -> str:
    """Whom an address belongs to: of IPv6 everybody has at least 2^64 addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
    return str(found)


def _digest(*parts: str) -> str:
    """What is kept of a name and an address: without SECRET_KEY nobody can try which ones it stands for."""
    text = "\n".join(part.encode("utf-8", "replace").hex() for part in parts)
    return salted_hmac("labeler.accounts.guessing", text, algorithm="sha256").hexdigest()
