#!/bin/sh
# Make .venv and install the pinned packages: `install.sh runtime` or `install.sh runtime dev`.
# Does nothing when the lock files have not changed since the last time. No compiler: wheels only.
set -eu
cd "$(dirname "$0")/.."

stop() {
    echo "$*" >&2
    exit 1
}

choose_python() {
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    stop "No Python 3.11 or newer with the venv module was found${PYTHON:+ (PYTHON=$PYTHON)}. Install one" \
        "(Debian: apt-get install python3 python3-venv; macOS: brew install python@3.13) or name it: make run PYTHON=/path/to/python3."
}

case "$(uname -s)/$(uname -m)" in
Linux/x86_64 | Linux/aarch64)
    if ls /lib/ld-musl-* >/dev/null 2>&1 && ! ldd --version 2>&1 | grep -qi -e glibc -e gnu; then
        stop "This Linux uses musl (Alpine, say), and torch has no build for it. Use a glibc Linux, or the Dockerfile."
    fi
    ;;
Darwin/arm64) ;;
*) stop "Labeler runs on Linux (x86-64, aarch64) and on macOS 14+ with Apple silicon, not on $(uname -s) $(uname -m)." ;;
esac

if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    python=$(choose_python)
    echo "Making .venv with $("$python" --version) …"
    "$python" -m venv --clear .venv || stop "The virtual environment .venv could not be made (see above)."
fi

quiet=""
[ -t 1 ] || quiet="--quiet"
export PIP_DISABLE_PIP_VERSION_CHECK=1
failed="Installing packages failed (see above): is the network there, and the disk not full? Run the same command again."

for kind in "$@"; do
    stamp=.venv/.installed-$kind
    lock=requirements/$kind.lock
    now=$(cat requirements/torch.txt requirements/runtime.lock "$lock" | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then
        continue
    fi
    # torch first and alone. A later package that asks for plain torch finds it there, and the constraint
    # keeps pip from replacing it by another build.
    if ! .venv/bin/python -c '
import sys
from importlib import metadata
wanted = open("requirements/torch.txt").read().strip().partition("==")[2]
sys.exit(metadata.version("torch").partition("+")[0] != wanted)' >/dev/null 2>&1; then
        echo "Installing torch${TORCH_INDEX:+ from $TORCH_INDEX} …"
        # shellcheck disable=SC2086
        .venv/bin/python -m pip install $quiet --no-compile --only-binary=:all: ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
            -r requirements/torch.txt || stop "$failed"
    fi
    echo "Installing the packages of $lock …"
    # The one package without a wheel: pure Python, and only tests need it (mlcroissant asks for it).
    from_source=""
    [ "$kind" = dev ] && from_source="--no-binary=jsonpath-rw"
    # shellcheck disable=SC2086
    .venv/bin/python -m pip install $quiet --no-compile --only-binary=:all: $from_source -r "$lock" -c requirements/torch.txt || stop "$failed"
    .venv/bin/python -m pip check || stop "The installed packages do not fit together (see above). Remove .venv and run the same command again."
    new=yes
    echo "$now" >"$stamp"
done

# With all cores and without the packages' own tests: half of the time that pip takes for it. What cannot be compiled
# says so when it is imported, and most of that never is.
if [ -n "${new:-}" ]; then
    echo "Compiling them …"
    .venv/bin/python -m compileall -q -j 0 -x '/(tests?|benchmarks)/' .venv/lib >/dev/null || true
fi
