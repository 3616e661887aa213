"""The domain's tables. Each has one package that writes it: written_by.py."""

from labeler.models.acceptance import Acceptance, Guarantee
from labeler.models.account import AuditEvent, Invitation, LoginFailures, Preference, Token
from labeler.models.data_check import Finding, ImageCheck, ImageFinding
from labeler.models.drawn import Draft, LabelObject, Question
from labeler.models.errand import Errand
from labeler.models.image import BucketObject, Image, Sketch
from labeler.models.job import Job, Part
from labeler.models.label import Consensus, Decision, EconomyPoint, Exposure, Label
from labeler.models.project import Category, CategoryExample, GuidelineVersion, Membership, Project, Role, Task
from labeler.models.queue import Claim, QueueEntry
from labeler.models.release import Release, ReleaseFile
from labeler.models.review import Comment, Gold, ObjectVerdict, Plant, Thread
from labeler.models.run import Drift, Feature, Prediction, RunAnswers, TrainingRun
from labeler.models.saved_view import SavedView
from labeler.models.snapshot import Snapshot
from labeler.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "Acceptance",
    "AuditEvent",
    "BucketObject",
    "Category",
    "CategoryExample",
    "Claim",
    "Comment",
    "Consensus",
    "Decision",
    "Draft",
    "Drift",
    "EconomyPoint",
    "Errand",
    "Exposure",
    "Feature",
    "Finding",
    "Gold",
    "Guarantee",
    "GuidelineVersion",
    "Image",
    "ImageCheck",
    "ImageFinding",
    "Invitation",
    "Job",
    "Label",
    "LabelObject",
    "LoginFailures",
    "Membership",
    "ObjectVerdict",
    "Part",
    "Plant",
    "Prediction",
    "Preference",
    "Project",
    "Question",
    "QueueEntry",
    "Release",
    "ReleaseFile",
    "Role",
    "RunAnswers",
    "SavedView",
    "Sketch",
    "Snapshot",
    "Task",
    "Thread",
    "Token",
    "TrainingRun",
    "Webhook",
    "WebhookDelivery",
]
