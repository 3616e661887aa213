#!/bin/sh
# See to it that the browser tests have a Chromium: root on Debian installs it; everybody else is told, and they skip.
set -eu
cd "$(dirname "$0")/.."
if .venv/bin/python tests/helpers/chromium.py >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests …"
    install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; }
    # The headless shell is the smaller and faster one; an older Debian has only the whole browser.
    { apt-get update -qq && { install chromium-headless-shell || install chromium; }; } >/dev/null ||
        echo "Chromium could not be installed; the browser tests will skip." >&2
else
    echo "No Chromium was found; the browser tests will skip (Debian: apt-get install chromium-headless-shell, or set LABELER_BROWSER)." >&2
fi
