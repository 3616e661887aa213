"""Fetch an image from an address that somebody wrote down, trusting neither the address nor who answers there.

Every hop is asked as labeler/outgoing.py asks: public addresses only, checked after the name was looked up, unless the
operator allows others; no more bytes and seconds than below. Knows bytes, not images.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

from django.conf import settings
from django.utils.translation import gettext as _

from labeler import outgoing
from labeler.errors import Invalid
from labeler.intake.archives import Member
from labeler.intake.check import Refused
from labeler.intake.formats.item import Item

WHOLE_SECONDS = 30.0
MOST_BYTES = 25 * 2**20
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
AT_ONCE = 8  # so many are fetched ahead, each of MOST_BYTES at most
_HEADERS = {"User-Agent": "Labeler", "Accept": "image/*"}


def fetch(url: str) -> bytes:
    """The bytes behind an address. Raises Refused with a sentence."""
    most = min(MOST_BYTES, settings.MAX_IMAGE_BYTES)
    for _hop in range(MOST_REDIRECTS + 1):
        try:
            answer = outgoing.request("GET", url, headers=_HEADERS, most_bytes=most, seconds=WHOLE_SECONDS)
        except Invalid as error:
            raise Refused(error.message) from error
        except outgoing.Unreachable as error:
            raise Refused(str(error)) from error
        if answer.status in REDIRECTS and (aim := answer.headers.get("location")):
            url = urljoin(url, aim)
            continue
        if answer.status != 200:
            raise Refused(_("The server answered %(status)s instead of an image.") % {"status": answer.status})
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(_("The server sends the image packed, which is not read here."))
        if not answer.is_whole:
            raise Refused(
                _("The file behind this address is larger than %(megabytes)s MB.") % {"megabytes": most // 2**20}
            )
        return answer.body
    raise Refused(_("The address leads on and on: more than %(n)s redirects.") % {"n": MOST_REDIRECTS})


# ---------------------------------------------------------------- many


def ahead(wanted: Iterable[Item]) -> Iterator[Member]:
    """Items as members, from the file or else from their address, in order; the next AT_ONCE are fetched meanwhile."""
    waiting: deque[Member] = deque()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch")
    try:
        for one in wanted:
            if one.source is not None:
                waiting.append(Member(one.name, one.source, one.place))
            else:
                waiting.append(Member(one.name, pool.submit(fetch, one.url).result))
            if len(waiting) >= AT_ONCE:
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(cancel_futures=True)
