"""The benchmarks as a program: what it leaves behind."""

import signal
import subprocess
import sys

from tests.workers import ROOT

MEASURES_FOR_LONG = """
import sys, time, types
from bench import __main__ as bench

def measure():
    try:
        print("measuring", flush=True)
        time.sleep(60)
    finally:
        print("stopped its servers", flush=True)

sys.modules["bench.startup"] = types.SimpleNamespace(main=measure)
sys.exit(bench.main(["startup"]))
"""


def test_a_bench_that_is_ended_still_stops_what_it_started():
    process = subprocess.Popen([sys.executable, "-c", MEASURES_FOR_LONG], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("measuring"):
            break
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == "stopped its servers\n"
    assert process.wait() == 128 + signal.SIGTERM
