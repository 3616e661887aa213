"""Which package writes which table: tests/test_tables.py walks the code and fails on any other writer.

A package creates and deletes the rows of its tables and changes their columns, but for the columns that COLUMNS gives
to another one. Who else wants a row changed calls a verb of the owner. The admin site mends rows by hand; a row that
goes because another does (CASCADE) is nobody's write.
"""

from __future__ import annotations

from labeler.models.job import Leased

TABLES = {
    "User": "accounts",
    "Session": "accounts",
    "Token": "accounts",
    "LoginFailures": "accounts",
    "Preference": "accounts",
    "AuditEvent": "accounts",
    "Project": "projects",
    "Category": "projects",
    "GuidelineVersion": "projects",
    "Membership": "projects",
    "Invitation": "projects",
    "CategoryExample": "label_set",
    "Question": "projects",
    "Job": "jobs",
    "Part": "jobs",
    "Image": "intake",
    "Sketch": "intake",
    "BucketObject": "intake",
    "QueueEntry": "labeling",
    "Claim": "labeling",
    "Label": "labeling",
    "LabelObject": "labeling",
    "Draft": "labeling",
    "Exposure": "labeling",
    "TrainingRun": "training",
    "RunAnswers": "training",
    "Prediction": "training",
    "Feature": "training",
    "Errand": "training",
    "Drift": "training",
    "Consensus": "consensus",
    "EconomyPoint": "consensus",
    "Plant": "review",
    "ObjectVerdict": "review",
    "Decision": "review",
    "Gold": "review",
    "Thread": "review",
    "Comment": "review",
    "Guarantee": "acceptance",
    "Acceptance": "acceptance",
    "Snapshot": "progress",
    "Release": "releases",
    "ReleaseFile": "releases",
    "Webhook": "webhooks",
    "WebhookDelivery": "webhooks",
    "SavedView": "curation",
    "ImageCheck": "data_checks",
    "ImageFinding": "data_checks",
}

# The state of work: changed by whoever has the lease, and by those who end or renew what nobody has.
_OF_A_LEASE = dict.fromkeys((field.name for field in Leased._meta.local_fields), "jobs")

# Columns that another package changes than the one that creates the row.
COLUMNS = {
    "Image": dict.fromkeys(
        ("round", "tally", "n_votes", "status", "has_decision", "disagreement", "disputed_objects"), "labeling"
    ),
    # Where a member's search goes on, and the keys a person chose.
    "Membership": {"frontier_priority": "labeling", "frontier_image": "labeling", "category_keys": "accounts"},
    "TrainingRun": _OF_A_LEASE,
    "Errand": _OF_A_LEASE,
}
