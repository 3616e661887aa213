"""A pytest plugin: the browser that browser tests drive.

Without one they skip, each counted and named; with LABELER_REQUIRE_BROWSER=1 (.ci/run sets it) they fail.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

# The headless shell first: the same engine without a window's machinery, for 15 to 20 % less processor time.
NAMES = (
    *("chromium-headless-shell", "chrome-headless-shell"),
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
)
MAC_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> str | None:
    """The path of a Chromium: LABELER_BROWSER, then the usual names on PATH, then macOS's applications."""
    if configured := os.environ.get("LABELER_BROWSER"):
        return configured
    for name in NAMES:
        if found := shutil.which(name):
            return found
    return next((place for place in MAC_PLACES if Path(place).exists()), None)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """The Chromium to launch (playwright: chromium.launch(executable_path=browser_path))."""
    found = find_browser()
    if found is not None:
        return found
    sentence = "no Chromium here (Debian: apt-get install chromium-headless-shell; or name one with LABELER_BROWSER)"
    if os.environ.get("LABELER_REQUIRE_BROWSER") == "1":
        pytest.fail(f"LABELER_REQUIRE_BROWSER=1, but {sentence}")
    pytest.skip(sentence)


if __name__ == "__main__":
    print(find_browser() or "")
    sys.exit(find_browser() is None)
