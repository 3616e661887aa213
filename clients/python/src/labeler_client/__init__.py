"""A client of a Labeler server's REST interface.

Begin with `Client(url, token)`. Everything here is synchronous, typed, and safe to repeat: what was lost on the way is
asked again with the same key, and done once.
"""

from labeler_client.client import Client
from labeler_client.errors import (
    BadRequest,
    ChecksumMismatch,
    Conflict,
    InvalidSignature,
    LabelerError,
    NotAllowed,
    NotFound,
    NotPossibleNow,
    NotSignedIn,
    ServerBusy,
    ServerError,
    StaleVersion,
    StorageFull,
    TimedOut,
    TooLarge,
    TooManyRequests,
    Unreachable,
    WorkFailed,
)
from labeler_client.outside import OutsideModel, Stored
from labeler_client.project import Project
from labeler_client.releases import Release
from labeler_client.rows import Agreement, Image, Label, Rows, Stat
from labeler_client.signing import verify_signature
from labeler_client.uploads import Uploaded
from labeler_client.webhooks import Delivery, Webhook
from labeler_client.work import Job, Run

__version__ = "0.1.0"
__all__ = [
    "Agreement",
    "BadRequest",
    "ChecksumMismatch",
    "Client",
    "Conflict",
    "Delivery",
    "Image",
    "InvalidSignature",
    "Job",
    "Label",
    "LabelerError",
    "NotAllowed",
    "NotFound",
    "NotPossibleNow",
    "NotSignedIn",
    "OutsideModel",
    "Project",
    "Release",
    "Rows",
    "Run",
    "ServerBusy",
    "ServerError",
    "StaleVersion",
    "Stat",
    "StorageFull",
    "Stored",
    "TimedOut",
    "TooLarge",
    "TooManyRequests",
    "Unreachable",
    "Uploaded",
    "Webhook",
    "WorkFailed",
    "verify_signature",
]
