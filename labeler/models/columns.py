"""Whole columns between the database and numpy, by binary COPY: what would take seconds as one object per row.

Knows PostgreSQL's format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"), not what is in it. A
record is a row as it is sent: for each value its length, then the value, big-endian; so every row has the same size.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import DTypeLike, NDArray

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # flags and the length of the extension: none
_END = b"\xff\xff"
_OIDS = {">i8": 20, ">f8": 701}  # pg_type.dat: int8, float8


def record(columns: Sequence[tuple[str, DTypeLike]]) -> np.dtype[Any]:
    """The record of these columns, by name: ">i4", ">i8", ">f8", or "V2560" for so many bytes; never null."""
    fields: list[Any] = [("_fields", ">i2")]
    for n, (name, kind) in enumerate(columns):
        fields += [(f"_length{n}", ">i4"), (name, kind)]
    return np.dtype(fields)


def array_of(kind: str, size: int) -> np.dtype[Any]:
    """The kind of a column of arrays, each of `size` numbers (">i8" or ">f8"); they are its field "of", "value"."""
    head = [(name, ">i4") for name in ("dimensions", "nulls", "oid", "size", "first")]
    return np.dtype([*head, ("of", [("length", ">i4"), ("value", kind)], (size,))])


def read(sql: str, params: Sequence[Any], record: np.dtype[Any], *, whole: bool = False) -> NDArray[Any]:
    """The rows of a query as one array of records. whole: most rows of its tables are wanted."""
    sink = io.BytesIO()  # written to once per row: a writer in Python would take longer than the database
    with transaction.atomic(), connection.cursor() as cursor:
        if whole:
            # row by row in the order of an index costs half as much again
            cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_mergejoin = off")
        cursor.copy_expert(f"COPY ({cursor.mogrify(sql, params).decode()}) TO STDOUT (FORMAT binary)", sink)
    sent = sink.getbuffer()
    rows, rest = divmod(len(sent) - len(_SIGNATURE) - len(_END), record.itemsize)
    assert rest == 0, "rows of another length than the record's"
    return np.frombuffer(sent, record, count=rows, offset=len(_SIGNATURE))


def write(table: str, rows: NDArray[Any]) -> None:
    """Append records to a table whose columns are the record's, in their order."""
    rows["_fields"] = len(rows.dtype.names or ()) // 2
    for name, length in zip((rows.dtype.names or ())[2::2], (rows.dtype.names or ())[1::2], strict=True):
        column = rows[name]
        rows[length] = column.dtype.itemsize if not column.dtype.names else rows.dtype[name].itemsize
        if column.dtype.names:
            column["dimensions"], column["first"] = 1, 1
            column["size"] = column["of"].shape[1]
            value = column["of"]["value"]
            column["oid"], column["of"]["length"] = _OIDS[value.dtype.str], value.dtype.itemsize
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", io.BytesIO(_SIGNATURE + rows.tobytes() + _END))
