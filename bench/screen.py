"""The labeling screen in a real Chromium: key to next image painted, with and without a slow network; what it weighs.

The images are drawn leaves of some 100 KB, the server is a Labeler of its own, with nobody else at work. A key is
pressed every PACE seconds, as a quick person does; the page measures by itself from the key to the frame after the
one that drew the next image (static/js/label/page.js), so the measure holds the painting as well.
"""

from __future__ import annotations

import gzip
import io
import re
import urllib.request
from collections.abc import Sequence
from multiprocessing import get_context
from typing import Any
from urllib.parse import urljoin

from bench.browser import chromium, session_of, sign_in
from bench.common import labeler, show

IMAGES = 260
KEYS = 100  # per reading
PACE = 0.7  # seconds from one key to the next
READINGS = (("local", None), ("100 ms latency, 10 Mbit/s", {"latency": 100, "downloadThroughput": 1.25e6}))


def main() -> None:
    from labeler.demo.drawing import KINDS, draw_jpeg

    kinds = list(KINDS)
    with get_context("spawn").Pool() as pool:
        leaves = pool.starmap(draw_jpeg, [(9000 + n, kinds[n % len(kinds)]) for n in range(IMAGES)])
    with labeler() as running:
        project_id, session = _project(leaves)
        many = _project(leaves[:2], [f"Alnus {n}" for n in range(300)], "finder")
        url = f"http://127.0.0.1:{running.port}"
        _weigh(url, project_id, session)
        with chromium() as browser:
            for name, network in READINGS:
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                sign_in(context, url, session)
                painted, saves, claims = _label(context, f"{url}/projects/{project_id}/label/", network)
                show(f"key to next image painted, {name}", painted, "ms", target="p50 < 50, p95 < 100")
                if network is None:
                    show("one save, as the browser sees it", saves, "ms", target="p95 < 50")
                print(f"    requests for {KEYS} labels: {len(saves)} saves, {claims} claims")
                context.close()
            with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
                show("a letter among 300 classes, drawn", find_among(context, url, *many), "ms", target="p50 < 16")


# Filter, draw and lay out, for each of these letters; the page is not waited for to paint.
_FIND = """() => {
    const field = document.getElementById("find");
    return ["a", "al", "", "e", "17", "zzz"].map((text) => {
        const begin = performance.now();
        field.value = text;
        field.dispatchEvent(new Event("input", {bubbles: true}));
        document.getElementById("keys").getBoundingClientRect();
        return performance.now() - begin;
    });
}"""


def find_among(context: Any, url: str, project_id: int, session: str) -> list[float]:
    """Milliseconds to answer a letter typed among many classes, twelve rounds of six."""
    sign_in(context, url, session)
    page = context.new_page()
    page.goto(f"{url}/projects/{project_id}/label/")
    page.wait_for_selector("html[data-painted]")
    return [spent for _ in range(12) for spent in page.evaluate(_FIND)]


CLASSES = ("Rust", "Leaf spot", "Mildew", "Blight", "Healthy")


def _project(leaves: list[bytes], classes: Sequence[str] = CLASSES, name: str = "bench") -> tuple[int, str]:
    """A project with these images, and a session of its only annotator."""
    from functools import partial

    from django.contrib.auth import get_user_model

    from labeler.intake.archives import Member
    from labeler.intake.images import add_images
    from labeler.projects import projects

    lead = get_user_model().objects.create_superuser(name)
    project = projects.create(created_by=lead, name=f"Leaves of {name}", categories=list(classes), labels_per_image=1)
    members = (Member(f"{n}.jpg", partial(io.BytesIO(leaf).read)) for n, leaf in enumerate(leaves))
    taken = sum(1 for _ in add_images(project=project, members=members))
    print(f"    {taken} images, {sum(map(len, leaves)) / len(leaves) / 1000:.0f} KB each")
    return project.pk, session_of(lead)


def _label(context: Any, url: str, network: dict[str, float] | None) -> tuple[list[float], list[float], int]:
    """Milliseconds from key to painted, and of each save; how many times images were asked for."""
    page = context.new_page()
    if network:
        client = context.new_cdp_session(page)
        client.send("Network.enable")
        client.send(
            "Network.emulateNetworkConditions", {"offline": False, "uploadThroughput": 1.25e6, **network}
        )  # fmt: skip
    page.goto(url)
    page.wait_for_selector("html[data-painted]")
    page.evaluate("performance.setResourceTimingBufferSize(5000)")  # 250 is the default: it forgets the rest
    page.wait_for_timeout(2000)
    for n in range(KEYS):
        before = page.evaluate("document.documentElement.dataset.painted")
        page.keyboard.press(str(n % 5 + 1))
        page.wait_for_function(
            "before => (document.documentElement.dataset.painted ?? before) !== before", arg=before, timeout=15_000
        )
        page.wait_for_timeout(PACE * 1000)
    painted = page.evaluate("performance.getEntriesByName('key-to-painted').map((entry) => entry.duration)")
    requests = page.evaluate(
        """performance.getEntriesByType('resource').filter((entry) => entry.initiatorType === 'fetch')
           .map((entry) => [entry.name, entry.duration])"""
    )
    saves = [duration for name, duration in requests if name.endswith("/label/")]
    claims = sum(1 for name, _ in requests if name.endswith("/claims/"))
    page.close()
    return painted, saves, claims


def _weigh(url: str, project_id: int, session: str) -> None:
    """The page with all its styles and modules, each compressed by itself as a server sends it."""
    html = _get(f"{url}/projects/{project_id}/label/", session).decode()
    sizes = {"html": len(gzip.compress(html.encode()))}
    todo = set(re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', html))
    while todo:
        address = todo.pop()
        body = _get(url + address, session)
        sizes[address] = len(gzip.compress(body))
        if address.endswith(".js"):
            for found in re.findall(rb'(?:from|import)\s*"(\.{1,2}/[^"]+\.js)"', body):
                joined = urljoin(address, found.decode())
                if joined not in sizes:
                    todo.add(joined)
    kinds = {kind: sum(size for name, size in sizes.items() if name.endswith(kind)) for kind in ("html", "css", "js")}
    parts = ", ".join(f"{kind} {size / 1000:.1f}" for kind, size in kinds.items())
    print(f"labeling page, gzip, {len(sizes)} files: {sum(sizes.values()) / 1000:.1f} KB ({parts})   target < 60 KB")


def _get(url: str, session: str) -> bytes:
    request = urllib.request.Request(url, headers={"Cookie": f"sessionid={session}"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()
