"""Two fixed pieces of work, one of Python and one of SQL, timed beside each figure.

A figure divided by what they take can be compared with one of another machine: the same commit took 7.5 ms of
processor time per label on one and 28 on another. Their results are fixed (tests/test_bench.py): whoever changes
them makes all figures of before incomparable.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg2

ROWS = 3_000
PYTHON_RESULT = "c64244f17ff8fb3f"
SQL_RESULT = (45_749, 10_007)


@dataclass(frozen=True, slots=True)
class Reading:
    """Seconds that one piece of work took: of the processor (for SQL, client and server together), and by the clock."""

    processor: float
    clock: float


@dataclass
class Yardsticks:
    """Readings by name, in order, and where the database is that SQL is timed on; None: there is none."""

    database: Mapping[str, Any] | None = None  # for psycopg2.connect
    readings: dict[str, list[Reading]] = field(default_factory=dict)

    def begin(self) -> None:
        """Forget what was read for another measurement, and read once before this one."""
        self.readings.clear()
        self.read()

    def read(self) -> None:
        """One reading of each."""
        self.readings.setdefault("Python", []).append(of_python())
        if self.database is not None:
            self.readings.setdefault("SQL", []).append(of_sql(self.database))

    def beside(self) -> dict[str, float]:
        """Read once more: by name the processor seconds of a yardstick, before and after what was just measured."""
        self.read()
        two = {name: rows[-2:] for name, rows in self.readings.items() if name == "Python" or self.database}
        return {name: sum(row.processor for row in rows) / len(rows) for name, rows in two.items()}


def of_python() -> Reading:
    """Raises RuntimeError where the work comes to anything else than everywhere."""
    clock, processor = time.perf_counter(), time.process_time()
    result = python_work()
    reading = Reading(time.process_time() - processor, time.perf_counter() - clock)
    if result != PYTHON_RESULT:
        raise RuntimeError(f"the yardstick of Python came to {result}")
    return reading


def of_sql(database: Mapping[str, Any]) -> Reading:
    """The same with a database, on a connection of its own; nothing is left behind."""
    connection = psycopg2.connect(**database)
    try:
        server = psutil.Process(connection.info.backend_pid)
        clock, processor, served = time.perf_counter(), time.process_time(), _processor(server)
        result = sql_work(connection)
        reading = Reading(
            time.process_time() - processor + _processor(server) - served, time.perf_counter() - clock
        )  # fmt: skip
    finally:
        connection.close()
    if result != SQL_RESULT:
        raise RuntimeError(f"the yardstick of SQL came to {result}")
    return reading


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def python_work() -> str:
    """What a web process does: dictionaries, strings, sorting, JSON there and back. A digest of the result."""
    state, rows = 1, []
    for number in range(ROWS * 6):
        state = (1_103_515_245 * state + 12_345) % 2**31
        rows.append({"id": number, "name": f"image-{state % 977}.jpg", "answers": [state % 5, state % 7]})
    by_name: dict[str, list[int]] = {}
    for row in json.loads(json.dumps(rows)):
        by_name.setdefault(row["name"].upper().partition(".")[0], []).append(row["id"] * row["answers"][1])
    ordered = sorted(by_name.items(), key=lambda item: (-sum(item[1]), item[0]))
    return hashlib.sha256(json.dumps(ordered).encode()).hexdigest()[:16]


def sql_work(connection: Any) -> tuple[int, int]:
    """What a queue does: rows with an index, statements for one row each, and a sum over all. Rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE yardstick (id int PRIMARY KEY, score int, seats int) ON COMMIT DROP")
        cursor.execute(
            "INSERT INTO yardstick SELECT n, (n * 7919) %% 10007, n %% 4 FROM generate_series(1, %s) n", [ROWS * 10]
        )
        cursor.execute("CREATE INDEX ON yardstick (score DESC, id)")
        for number in range(1, ROWS // 4):
            cursor.execute("UPDATE yardstick SET seats = seats + 1 WHERE id = %s", [number * 13])
            cursor.execute("SELECT id FROM yardstick WHERE score < %s ORDER BY score DESC, id LIMIT 5", [number])
            cursor.fetchall()
        cursor.execute("SELECT sum(seats), count(DISTINCT score) FROM yardstick")
        seats, scores = cursor.fetchone()
    connection.rollback()
    return int(seats), int(scores)


YARDSTICKS = Yardsticks()
