"""The domain's tables. Each has one package that writes it: written_by.py."""

from labeler.models.acceptance import Acceptance, Guarantee
from labeler.models.account import AuditEvent, Invitation, LoginFailures, Preference, Token
from labeler.models.bucket_object import BucketObject
from labeler.models.comment import Comment, Thread
from labeler.models.data_check import Finding, ImageCheck, ImageFinding
from labeler.models.drawn import Draft, LabelObject, Question
from labeler.models.drift import Drift
from labeler.models.economy import EconomyPoint
from labeler.models.errand import Errand
from labeler.models.exposure import Exposure
from labeler.models.gold import Gold
from labeler.models.image import Image, Sketch
from labeler.models.job import Job, Part
from labeler.models.label import Consensus, Decision, Label
from labeler.models.object_verdict import ObjectVerdict
from labeler.models.project import Category, CategoryExample, GuidelineVersion, Membership, Project, Role, Task
from labeler.models.queue import Claim, QueueEntry
from labeler.models.release import Release, ReleaseFile
from labeler.models.review import Plant
from labeler.models.run import Feature, Prediction, RunAnswers, TrainingRun
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
