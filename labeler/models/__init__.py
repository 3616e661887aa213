"""The domain's tables. Each kind of row has one module that writes it (docs/architecture.md)."""

from labeler.models.account import AuditEvent, Token
from labeler.models.image import Image
from labeler.models.job import Job
from labeler.models.label import Consensus, Decision, Label
from labeler.models.project import Category, GuidelineVersion, Membership, Project, Role, Task
from labeler.models.queue import Claim, QueueEntry
from labeler.models.run import Feature, Prediction, TrainingRun

__all__ = [
    "AuditEvent",
    "Category",
    "Claim",
    "Consensus",
    "Decision",
    "Feature",
    "GuidelineVersion",
    "Image",
    "Job",
    "Label",
    "Membership",
    "Prediction",
    "Project",
    "QueueEntry",
    "Role",
    "Task",
    "Token",
    "TrainingRun",
]
