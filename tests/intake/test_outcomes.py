"""What became of an import, as the REST answer, the pages and --json tell it."""

import pytest

from labeler.intake import import_metadata, outcomes
from labeler.intake.outcomes import Duplicate, ImportResult, Refusal


@pytest.mark.parametrize(
    ("kind", "counts", "more"),
    [
        (ImportResult, {"added": 2, "duplicates": 1}, "more files"),
        (
            outcomes.LabelImportResult,
            {"added": 0, "duplicates": 1, "labels_added": 4, "predictions_added": 0},
            "more rows",
        ),
        (import_metadata.MetadataResult, {"updated": 3, "unchanged": 1}, "further rows"),
    ],
)
def test_counts_and_refusals_are_told_and_refusals_beyond_the_most_are_only_counted(kind, counts, more, monkeypatch):
    monkeypatch.setattr(outcomes, "MOST_REFUSALS_NAMED", 2)
    result = kind(**counts)
    result.refuse(Refusal("a.jpg", "It is no image."))
    result.refuse(Refusal("b.jpg", "There is no such class.", 7))
    for _more in range(1002):
        result.refuse(Refusal("c.jpg", "One too many."))

    told = result.as_json()

    assert result.seen == sum(counts.values()) + 1004
    assert list(told.items()) == [
        *counts.items(),
        ("refused", [
            {"name": "a.jpg", "reason": "It is no image."},
            {"name": "b.jpg", "row": 7, "reason": "There is no such class."},
            {"name": "", "reason": f"… and 1,002 {more}."},
        ]),
    ]  # fmt: skip


def test_why_a_whole_archive_was_given_up_comes_last_and_is_no_file():
    result = ImportResult(stopped="The archive is damaged.")
    result.count(Refusal("a.jpg", "It is no image."))
    result.count(Duplicate("b.jpg", 3))

    assert result.seen == 2
    assert result.as_json() == {
        "added": 0, "duplicates": 1,
        "refused": [
            {"name": "a.jpg", "reason": "It is no image."},
            {"name": "", "reason": "The archive is damaged."},
        ],
    }  # fmt: skip
