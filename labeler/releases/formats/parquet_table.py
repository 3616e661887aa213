"""Parquet: the flat table as one file, without pictures; for pandas, Polars, DuckDB.

Columns as flat_table.py names them: state keeps verified none (labels is an empty list), cannot_tell, tie, undecidable
and unlabeled (label is null) apart; source is model where an image stands by a model's word alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats import flat_table
from labeler.releases.formats.archives import Sink

if TYPE_CHECKING:
    import pyarrow as pa

FILE = ("application/vnd.apache.parquet", "parquet")
TITLE = gettext_lazy("Parquet table")
TEXT = gettext_lazy("One file for pandas, Polars or DuckDB: a row per image or judgement, without pictures.")
IMAGES = (False,)
READINGS = (CONSENSUS, ALL, SOFT)
ROW_GROUP = 10_000


def write(data: DataSet) -> Iterator[bytes]:
    """The file, in pieces: a row group in memory at a time."""
    import pyarrow as pa  # here: the web process starts without it
    import pyarrow.parquet as pq

    schema = _schema(data)
    sink = Sink()
    rows = (row for contents in data.rows() for row in flat_table.rows(contents, data, joined=False))
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROW_GROUP)):
            values = [pa.array(column, field.type) for column, field in zip(zip(*group, strict=True), schema)]  # noqa: B905
            writer.write_table(pa.Table.from_arrays(values, schema=schema))
            yield sink.take()
    yield sink.take()


def _schema(data: DataSet) -> pa.Schema:
    import pyarrow as pa

    types: dict[str, Any] = {
        "image_id": pa.int64(), "width": pa.int32(), "height": pa.int32(), "confidence": pa.float64(),
        "seconds": pa.float64(), "label_id": pa.int64(), "model": pa.int32(), "n_votes": pa.int32(),
        "labels": pa.list_(pa.string()), "created_at": pa.timestamp("us", tz="UTC"),
    }  # fmt: skip

    def type_of(name: str) -> Any:
        return pa.float64() if name.startswith(flat_table.SHARE) else types.get(name, pa.string())

    return pa.schema([(name, type_of(name)) for name in flat_table.columns(data)])
