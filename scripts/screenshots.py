"""Take a picture of every screen from the demo's data: light, dark, phone; into build/screenshots/.

`make screenshots` runs it.

Starts a Labeler of its own, waits until its worker has trained the demo's model and made the pre-labels, walks through
the screens as the people who would see them, and stops it. index.html there shows all pictures side by side.

Knows which screens there are and how each comes to the state that is worth a picture.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.browser import chromium, session_of, sign_in  # noqa: E402  (the line above finds it)

LOOKS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True, "is_mobile": True,
        "device_scale_factor": 2,
    },
}  # fmt: skip
MODEL_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Screen:
    """One picture: who looks at which address, and what they do first."""

    name: str
    person: str  # lead, annotator or nobody
    path: str  # {demo}, {empty}, {chess}, {image}, {photo}, {class}, {invitation} are filled in
    act: Callable[[Any], None] | None = None
    whole: bool = True  # the whole page, not only what the window shows


def painted(page: Any) -> None:
    page.wait_for_selector("html[data-painted]", timeout=30_000)


def press(*keys: str) -> Callable[[Any], None]:
    """Wait for the image, then press these keys."""

    def act(page: Any) -> None:
        painted(page)
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(400)

    return act


def answered(page: Any) -> None:
    """Ten answers given, so that the last eight are there."""
    painted(page)
    for number in range(10):
        page.keyboard.press(str(number % 5 + 1))
        page.wait_for_function("() => document.documentElement.dataset.painted")
        page.wait_for_timeout(150)


def example(page: Any) -> None:
    """An example of the class in question, or of the first one, large."""
    painted(page)
    if not page.locator("#rail").is_visible():
        page.keyboard.press("g")
    if not page.locator("#about").is_visible():
        page.locator(".classes button").first.click()
    page.locator(".ex button").first.click()
    page.wait_for_selector("#example img")
    page.wait_for_timeout(800)


def offline(page: Any) -> None:
    """The network goes, and all images that are there are answered."""
    painted(page)
    page.wait_for_function("() => document.querySelectorAll('#ready .on').length === 5")
    page.context.set_offline(True)
    for number in range(6):
        painted(page)
        page.keyboard.press(str(number % 5 + 1))
    page.wait_for_selector("#panel[data-state=offline]")


def answer_meets(code: str, **more: str) -> Callable[[Any], None]:
    """Two answers that the server does not take, for this reason."""

    def act(page: Any) -> None:
        body = {"error": {"code": code, "message": "", "fields": {}, **more}}
        page.route(re.compile(r"/api/images/\d+/label/"), lambda route: route.fulfill(status=409, json=body))
        painted(page)
        page.keyboard.press("1")
        page.wait_for_timeout(500)
        page.keyboard.press("2")
        page.wait_for_timeout(500)

    return act


def images_loaded(page: Any) -> None:
    page.evaluate("[...document.images].forEach((i) => (i.loading = 'eager'))")
    page.wait_for_function("() => [...document.images].every((image) => image.complete)", timeout=20_000)
    page.wait_for_timeout(300)


def opened(menu: str) -> Callable[[Any], None]:
    """A menu of the header, open."""
    return lambda page: page.locator(menu).click()


def link_made(page: Any) -> None:
    """A new invitation, with the link that is shown once."""
    page.get_by_label("For whom").fill("Eva from the field station")
    page.get_by_role("button", name="Make a link").click()
    page.wait_for_selector("#invite-link")


def files_sent(page: Any) -> None:
    """Files that are none of them an image: refused, each kind with what to do. So the project stays empty."""
    bodies = {"scan": b"%PDF-1.7", "photo": b"\0\0\0\x18ftypheic", "empty": b""}
    ends = {"scan": "pdf", "photo": "heic", "empty": "jpg"}
    files = [
        {"name": f"{name}-{n}.{ends[name]}", "mimeType": "application/octet-stream", "buffer": body + bytes(n and [n])}
        for name, body in bodies.items()
        for n in range(1 if name == "empty" else 4)
    ]
    page.set_input_files("#pick-files", files)
    page.wait_for_selector(".import.over")


SCREENS = (
    Screen("login", "nobody", "/login/"),
    Screen("projects", "lead", "/"),
    Screen("new-project", "lead", "/projects/new/"),
    Screen("overview", "lead", "/projects/{demo}/"),
    Screen("overview-annotator", "annotator", "/projects/{demo}/"),
    Screen("overview-empty", "lead", "/projects/{empty}/"),
    Screen("own-answers", "annotator", "/projects/{demo}/mine/?differ=1", images_loaded),
    Screen("label", "annotator", "/projects/{demo}/label/", answered, whole=False),
    Screen("label-keys", "annotator", "/projects/{demo}/label/", press("?"), whole=False),
    Screen("label-flag", "annotator", "/projects/{demo}/label/", press("f"), whole=False),
    Screen("label-cannot-tell", "annotator", "/projects/{demo}/label/", press("c"), whole=False),
    Screen("label-zoomed", "annotator", "/projects/{demo}/label/", press(" "), whole=False),
    Screen("label-guide", "annotator", "/projects/{demo}/label/", press("g"), whole=False),
    Screen("label-adjusted", "annotator", "/projects/{demo}/label/", press("Shift+B", "ArrowRight"), whole=False),
    Screen("label-example", "annotator", "/projects/{demo}/label/", example, whole=False),
    Screen("label-offline", "annotator", "/projects/{demo}/label/", offline, whole=False),
    Screen("label-refused", "annotator", "/projects/{demo}/label/", answer_meets("no_claim"), whole=False),
    Screen(
        "label-another-person",
        "annotator",
        "/projects/{demo}/label/",
        answer_meets("another_person", signed_in_as="eva"),
        whole=False,
    ),
    Screen("label-empty", "lead", "/projects/{empty}/label/", whole=False),
    Screen("review", "annotator", "/projects/{demo}/review/", images_loaded),
    Screen("adjudicate", "lead", "/projects/{demo}/adjudicate/", images_loaded),
    Screen("draw", "lead", "/projects/{chess}/label/", painted, whole=False),
    Screen("adjudicate-objects", "lead", "/projects/{chess}/adjudicate/", painted),
    Screen("agreement-objects", "lead", "/projects/{chess}/agreement/"),
    Screen("differences", "lead", "/projects/{chess}/agreement/differences/?kind=missed", images_loaded),
    Screen("overview-objects", "lead", "/projects/{chess}/"),
    Screen("image-objects", "lead", "/projects/{chess}/images/{photo}/", images_loaded),
    Screen("settings-objects", "lead", "/projects/{chess}/settings/objects/"),
    Screen("similar", "lead", "/projects/{demo}/images/{image}/similar/"),
    Screen("near-duplicates", "lead", "/projects/{demo}/images/near-duplicates/"),
    Screen("unlike", "lead", "/projects/{demo}/images/unlike/"),
    Screen("adjudicate-doubted", "lead", "/projects/{demo}/adjudicate/?doubted=1"),
    Screen("adjudicate-reasons", "lead", "/projects/{demo}/adjudicate/reasons/"),
    Screen("questions", "lead", "/projects/{demo}/threads/", images_loaded),
    Screen("agreement", "lead", "/projects/{demo}/agreement/"),
    Screen("model", "lead", "/projects/{demo}/model/"),
    Screen("economy", "lead", "/projects/{demo}/economy/"),
    Screen("model-run", "lead", "/projects/{demo}/model/runs/1/"),
    Screen("model-card", "lead", "/projects/{demo}/model/runs/1/card/"),
    Screen("model-compare", "lead", "/projects/{demo}/model/compare/"),
    Screen("images", "lead", "/projects/{demo}/images/", images_loaded),
    Screen("images-table", "lead", "/projects/{demo}/images/?view=table&search=leaf", images_loaded),
    Screen("images-differ", "lead", "/projects/{demo}/images/?status=differ", images_loaded),
    Screen("image", "lead", "/projects/{demo}/images/{image}/", images_loaded),
    Screen("import", "lead", "/projects/{demo}/import/"),
    Screen("import-files", "lead", "/projects/{empty}/import/", files_sent),
    Screen("export", "lead", "/projects/{demo}/export/"),
    Screen("export-shares", "lead", "/projects/{demo}/export/?format=jsonl&labels=shares"),
    Screen(
        "export-prepared", "lead", "/projects/{demo}/export/?format=imagefolder&width=160&height=160&way=fill&grey=true"
    ),
    Screen("checks", "lead", "/projects/{demo}/checks/"),
    Screen("model-try", "lead", "/projects/{demo}/model/try/"),
    Screen("settings-webhooks", "lead", "/projects/{demo}/settings/webhooks/"),
    Screen("members", "lead", "/projects/{demo}/members/"),
    Screen("members-link", "lead", "/projects/{demo}/members/", link_made),
    Screen("invitation", "nobody", "/invitations/{invitation}/"),
    Screen("invitation-member", "annotator", "/invitations/{invitation}/"),
    Screen("invitation-over", "nobody", "/invitations/nothing/"),
    Screen("settings", "lead", "/projects/{demo}/settings/"),
    Screen("settings-guideline", "lead", "/projects/{demo}/settings/guideline/"),
    Screen("settings-classes", "lead", "/projects/{demo}/settings/classes/", images_loaded),
    Screen("settings-class", "lead", "/projects/{demo}/settings/classes/{class}/", images_loaded),
    Screen("settings-examples", "lead", "/projects/{demo}/settings/classes/{class}/examples/", images_loaded),
    Screen("settings-wanted", "lead", "/projects/{demo}/settings/wanted/"),
    Screen("settings-judging", "lead", "/projects/{demo}/settings/judging/"),
    Screen("settings-variations", "lead", "/projects/{demo}/settings/variations/"),
    Screen("settings-accepting", "lead", "/projects/{demo}/settings/accepting/"),
    Screen("settings-model", "lead", "/projects/{demo}/settings/model/"),
    Screen("settings-training", "lead", "/projects/{demo}/settings/training/"),
    Screen("model-train", "lead", "/projects/{demo}/model/train/"),
    Screen("settings-trash", "lead", "/projects/{demo}/settings/trash/"),
    Screen("account", "lead", "/account/"),
    Screen("about", "lead", "/about/"),
    Screen("help", "annotator", "/docs/annotator/"),
    Screen("menu-of-the-project", "lead", "/projects/{demo}/", opened(".tabs summary"), whole=False),
    Screen("menu-of-the-person", "lead", "/projects/{demo}/", opened(".person summary"), whole=False),
    Screen("not-found", "lead", "/projects/4711/"),
    Screen("forbidden", "annotator", "/projects/{demo}/settings/"),
)


@contextmanager
def running(data: Path) -> Iterator[str]:
    """A Labeler with the demo; its address. Stopped at the end."""
    words = [sys.executable, "manage.py", "up", "--data", str(data), "--port", "0", "--demo"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.match(r"ready (http://\S+?)/?$", line.strip()):
                yield found[1]
                return
        raise RuntimeError(f"Labeler did not start (exit code {process.wait()}).")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=90)


def wait_for_prelabels(project: Any) -> None:
    """Until the demo's own worker has trained and looked at the open images."""
    deadline = time.monotonic() + MODEL_SECONDS
    while not project.runs.filter(is_active=True, predicted_at__isnull=False).exists():
        last = project.runs.first()
        if last is not None and last.state == "failed":
            raise RuntimeError(f"the demo's training failed: {last.error}")
        if time.monotonic() > deadline:
            raise RuntimeError("the demo's model was not ready in ten minutes")
        time.sleep(1)


def prepare(data: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Sessions by role, and the ids that addresses want."""
    os.environ.update(LABELER_DATA=str(data), DJANGO_SETTINGS_MODULE="labeler.settings")
    import django

    django.setup()
    from django.contrib.auth import get_user_model

    from labeler.demo import chess
    from labeler.demo.scenario import EMPTY_NAME, NAME
    from labeler.models import Image, Project
    from labeler.projects import invitations

    people = get_user_model().objects
    demo = Project.objects.get(name=NAME)
    print("waiting for the demo's model …", flush=True)
    wait_for_prelabels(demo)
    divided = Image.objects.filter(project=demo).most_disputed_first().first()
    ids: dict[str, Any] = {"demo": demo.pk, "empty": Project.objects.get(name=EMPTY_NAME).pk, "image": divided.pk}
    drawn = Project.objects.get(name=chess.NAME)
    ids |= {"chess": drawn.pk, "photo": drawn.images.most_disputed_first()[0].pk}  # type: ignore[attr-defined]
    ids["class"] = demo.categories.in_use()[0].pk
    lead = people.filter(is_superuser=True).order_by("pk")[0]
    _row, ids["invitation"] = invitations.create(project=demo, by=lead, note="Eva")
    sessions = {
        "lead": session_of(lead),
        "annotator": session_of(people.get(first_name="Dana")),
    }
    return sessions, ids


def take(url: str, sessions: dict[str, str], ids: dict[str, Any], out: Path, wanted: list[str]) -> list[str]:
    """Take all pictures; returns what went wrong, by name."""
    troubles = []
    with chromium() as browser:
        for look, options in LOOKS.items():
            for screen in SCREENS:
                if wanted and screen.name not in wanted:
                    continue
                context = browser.new_context(**options)
                if screen.person != "nobody":
                    sign_in(context, url, sessions[screen.person])
                page = context.new_page()
                page.set_default_timeout(15_000)
                path = out / f"{screen.name}-{look}.png"
                try:
                    page.goto(url + screen.path.format(**ids), wait_until="load")
                    if screen.act:
                        screen.act(page)
                    page.wait_for_timeout(400)
                    page.screenshot(path=path, full_page=screen.whole)
                    print(path.relative_to(out.parent), flush=True)
                except Exception as error:  # one screen that fails must not cost the others
                    troubles.append(f"{screen.name}, {look}: {str(error).splitlines()[0]}")
                context.close()
    return troubles


def index(out: Path) -> None:
    """A page that shows all pictures, a row for each screen."""
    rows = []
    for screen in SCREENS:
        cells = "".join(
            f'<a href="{screen.name}-{look}.png"><img src="{screen.name}-{look}.png" alt="{look}" loading="lazy"></a>'
            for look in LOOKS
            if (out / f"{screen.name}-{look}.png").exists()
        )
        rows.append(f"<h2>{html.escape(screen.name)}</h2><div>{cells}</div>")
    style = (
        "body{font:16px system-ui;margin:2rem}div{display:flex;gap:1rem;align-items:start}"
        "img{max-height:420px;border:1px solid #8888}"
    )
    (out / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8><title>Screens</title><style>{style}</style>{''.join(rows)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Take a picture of every screen, from the demo's data.")
    parser.add_argument("names", nargs="*", help="only these screens")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "screenshots")
    parser.add_argument("--data", type=Path, help="a data directory to keep, so that the next call is quick")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data = options.data or options.out.parent / "screenshots-data"
    if options.data is None:
        shutil.rmtree(data, ignore_errors=True)
    with running(data.resolve()) as url:
        sessions, ids = prepare(data.resolve())
        troubles = take(url, sessions, ids, options.out, options.names)
    index(options.out)
    if options.data is None:
        shutil.rmtree(data, ignore_errors=True)
    for trouble in troubles:
        print(f"no picture of {trouble}", file=sys.stderr)
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
