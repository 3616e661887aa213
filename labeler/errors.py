"""What can go wrong, in domain words. The REST layer turns each into a status and a code; pages show the sentence.

Knows nothing of HTTP beyond the number that describes the situation best.
"""


class LabelerError(Exception):
    """Something a person can understand and mostly mend. str() is one sentence for that person."""

    code = "error"
    status = 400

    def __init__(self, message: str, *, fields: dict[str, list[str]] | None = None, **details: object):
        super().__init__(message)
        self.message = message
        self.fields = fields or {}
        self.details = details


class Invalid(LabelerError):
    """A value that cannot be used; `fields` says which."""

    code = "invalid"


class CategoryNotInProject(Invalid):
    code = "category_not_in_project"


class WrongTask(Invalid):
    """The answer does not fit the task: two classes for a single-choice question, say."""

    code = "answer_does_not_fit_task"


class WrongPassword(LabelerError):
    """The same for a name nobody has."""

    code = "authentication_failed"
    status = 401


class NotAllowed(LabelerError):
    """Known to the caller, but not theirs to do."""

    code = "not_allowed"
    status = 403


class Paused(NotAllowed):
    """A lead has stopped handing images to this person. What they hold may still be answered."""

    code = "paused"


class NotFound(LabelerError):
    """Not there, or not for the caller to know of."""

    code = "not_found"
    status = 404


class Gone(LabelerError):
    """Was there once, and is over: a link that was used, taken back or has expired."""

    code = "gone"
    status = 410


class Conflict(LabelerError):
    code = "conflict"
    status = 409


class NoClaim(Conflict):
    """A label needs a claim of one's own on the image, open or expired."""

    code = "no_claim"


class NothingToUndo(Conflict):
    code = "nothing_to_undo"


class AnotherPerson(Conflict):
    """The request speaks for one person, and another one is signed in by now; `signed_in_as` is the latter's name."""

    code = "another_person"


class KeyReused(Conflict):
    """One idempotency key, two different bodies."""

    code = "idempotency_key_reused"


class RunInProgress(Conflict):
    code = "run_in_progress"


class NoModel(Conflict):
    """It asks what a model says, and there is none in use yet."""

    code = "no_model"


class NotCancellable(Conflict):
    code = "not_cancellable"


class StaleVersion(LabelerError):
    """If-Match named a version that is no longer the current one; `current` holds that one."""

    code = "stale_version"
    status = 412


class TooLarge(LabelerError):
    code = "too_large"
    status = 413


class NotPossibleNow(LabelerError):
    """Understood, and impossible in the present state."""

    code = "not_possible_now"
    status = 422


class TooFewLabels(NotPossibleNow):
    code = "too_few_labels"


class TaskNotSupported(NotPossibleNow):
    """Not for projects of this task: what a model that draws sees in an image is not explained, say."""

    code = "task_not_supported"


class StorageFull(LabelerError):
    code = "storage_full"
    status = 507


class Busy(LabelerError):
    """The server has too much in hand; `details["retry_after"]` says in how many seconds to come again."""

    code = "busy"
    status = 503


class BucketUnreachable(LabelerError):
    """An original lies in a bucket that does not answer now; `details["retry_after"]` says when to come again."""

    code = "bucket_unreachable"
    status = 503


class TooManyRequests(LabelerError):
    """Later; `details["retry_after"]` says in how many seconds."""

    code = "too_many_requests"
    status = 429
