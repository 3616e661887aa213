"""The benchmarks as a program: what it leaves behind."""

import signal
import subprocess
import sys

import pytest
from django.db import connection

from bench import yardstick
from bench.common import in_yardsticks
from tests.helpers.workers import ROOT

pytestmark = pytest.mark.slow

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


def test_the_yardstick_of_python_comes_to_the_same_everywhere():
    """Work that was changed would make every figure of before incomparable."""
    assert yardstick.python_work() == yardstick.python_work() == "c64244f17ff8fb3f"
    assert yardstick.of_python().processor > 0


@pytest.mark.django_db(transaction=True)
def test_the_yardstick_of_sql_comes_to_the_same_and_leaves_nothing_behind():
    kept = ("dbname", "user", "password", "host", "port")
    database = {key: value for key, value in connection.get_connection_params().items() if key in kept}
    # 30,000 rows with n mod 4 seats are 45,000, and 749 were raised by one; 7919 n mod 10007 takes each value
    assert yardstick.SQL_RESULT == (45_749, 10_007)
    assert yardstick.of_sql(database).processor > 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'yardstick%%'")
        assert cursor.fetchone() == (0,)


def test_a_figure_is_told_in_yardsticks_a_rate_per_yardstick_and_a_share_not_at_all():
    beside = {"Python": 0.2, "SQL": 0.05}
    # 7.5 ms / 200 ms and / 50 ms; 84 a second for 0.2 s and 0.05 s
    assert in_yardsticks(7.5, "ms", beside) == "0.0375 yardsticks of Python, 0.15 yardsticks of SQL"
    assert in_yardsticks(3, "s ", {"Python": 0.2}) == "15 yardsticks of Python"
    assert in_yardsticks(84, "images/s", beside) == "16.8 in a yardstick of Python, 4.2 in a yardstick of SQL"
    assert in_yardsticks(95, "%", beside) == ""


def test_the_yardsticks_beside_a_figure_are_read_before_and_after_it(monkeypatch):
    readings = iter([0.2, 0.4, 0.6])
    monkeypatch.setattr(yardstick, "of_python", lambda: yardstick.Reading(next(readings), 1.0))
    sticks = yardstick.Yardsticks()
    sticks.begin()
    assert sticks.beside() == {"Python": pytest.approx(0.3)}  # (0.2 + 0.4) / 2
    assert sticks.beside() == {"Python": pytest.approx(0.5)}
    assert len(sticks.readings["Python"]) == 3
