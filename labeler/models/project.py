"""A project, its classes, its guideline, and who works in it. Knows no image and no label."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class Task(models.TextChoices):
    """What is asked about an image: which classes, or where the objects of which class are."""

    SINGLE = "single", _("one class per image")
    MULTI = "multi", _("any number of classes per image")
    BOXES = "boxes", _("boxes")
    POLYGONS = "polygons", _("polygons")
    MASKS = "masks", _("masks of objects")
    SEMANTIC = "semantic", _("a class for each pixel")


# People draw objects; in the others they name classes.
OBJECT_TASKS = (Task.BOXES, Task.POLYGONS, Task.MASKS, Task.SEMANTIC)


class Role(models.TextChoices):
    """Each role may do what the ones before it may."""

    ANNOTATOR = "annotator", _("annotator")
    REVIEWER = "reviewer", _("reviewer")
    LEAD = "lead", _("lead")

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def reaches(self, least: Role) -> bool:
        """Compared by rank: as strings, a lead would come before a reviewer."""
        return self.rank >= least.rank


class ConsensusMethod(models.TextChoices):
    """How several answers become one (docs/agreement.md)."""

    MAJORITY = "majority", _("majority")
    ONE_COIN = "one_coin", _("weighted by reliability")
    DAWID_SKENE = "dawid_skene", _("weighted by what each person mixes up")
    WITH_MODEL = "with_model", _("people and model")


class Ordered(models.TextChoices):
    """Do the classes have an order? Then a near miss is worth something."""

    NONE = "none", _("no order")
    LINEAR = "linear", _("ordered, equal steps")
    QUADRATIC = "quadratic", _("ordered, far misses count more")


def new_salt() -> str:
    """Secret of a project: without it nobody can compute from a file which images are judged blind."""
    return secrets.token_hex(16)


class ProjectQuerySet(models.QuerySet["Project"]):
    """Words for sets of projects."""

    def not_in_trash(self) -> ProjectQuerySet:
        return self.filter(trashed_at__isnull=True)


class Project(models.Model):
    """A question, asked about a set of images, with everything that was decided about how to ask it."""

    name = models.CharField(max_length=200)
    task = models.CharField(max_length=20, choices=Task.choices, default=Task.SINGLE)
    question = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True)
    guideline = models.TextField(blank=True)
    guideline_version = models.PositiveIntegerField(default=1)
    label_set_version = models.PositiveIntegerField(default=1)
    labels_per_image = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("quota: how many people judge each image"),
    )
    blind_share = models.FloatField(default=0.15, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    lease_seconds = models.PositiveIntegerField(
        default=1800, validators=[MinValueValidator(30), MaxValueValidator(86_400)]
    )
    target_agreement = models.FloatField(default=0.7, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    wanted_images = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("how many the data set shall have")
    )
    variety = models.TextField(blank=True, help_text=_("in words: what the images shall differ in"))
    review_confidence = models.FloatField(
        default=0.9,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("pre-labels from here on come to the review grid"),
    )
    planted_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text=_("of a review page: images with a known answer under a wrong suggestion"),
    )
    # Quality: what is mixed in to learn about people, and how several answers become one.
    gold_share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text=_("of what each person is given: images whose answer is known"),
    )
    gold_feedback = models.BooleanField(default=False, help_text=_("tell people at once what a gold image was"))
    repeat_share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.2)],
        help_text=_("of what each person is given: images they judged long ago, silently"),
    )
    consensus_method = models.CharField(
        max_length=16, choices=ConsensusMethod.choices, default=ConsensusMethod.MAJORITY
    )
    adaptive_overlap = models.BooleanField(
        default=False, help_text=_("stop where the answers are clear, ask more people where they are not")
    )
    fewest_labels = models.PositiveSmallIntegerField(default=2, validators=[MinValueValidator(1)])
    most_labels = models.PositiveSmallIntegerField(default=5, validators=[MinValueValidator(1), MaxValueValidator(50)])
    enough_confidence = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.5), MaxValueValidator(0.999)],
        help_text=_("adaptive overlap: the probability at which nobody else is asked"),
    )
    ordered = models.CharField(
        max_length=16,
        choices=Ordered.choices,
        default=Ordered.NONE,
        help_text=_("weights of kappa for ordered classes"),
    )
    show_file_names = models.BooleanField(default=False, help_text=_("a path can give the class away"))
    show_prelabels = models.BooleanField(default=True)
    ask_uncertain_first = models.BooleanField(default=True, help_text=_("off: random order"))
    # Answers of the model that stand without a person: docs/model.md says what is promised of them.
    auto_accept = models.BooleanField(default=False)
    accept_precision = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.8), MaxValueValidator(0.99)],
        help_text=_("least share of the accepted that is right"),
    )
    accept_confidence = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.8), MaxValueValidator(0.99)],
        help_text=_("chance, over random calibration images, that this is true"),
    )
    accept_per_class = models.BooleanField(
        default=False, help_text=_("a threshold of its own for each class with enough calibration images")
    )
    audited_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.01), MaxValueValidator(0.5)],
        help_text=_("of the accepted: people judge them all the same, blind"),
    )
    # The label economy (labeler/consensus/label_economy.py).
    ask_by_gain = models.BooleanField(
        default=False, help_text=_("a new image or one more opinion: whichever makes more labels right")
    )
    goal_right = models.FloatField(
        default=0.97,
        validators=[MinValueValidator(0.5), MaxValueValidator(0.999)],
        help_text=_("share of labels that shall be right; then nobody is asked any more"),
    )
    model_fills = models.BooleanField(
        default=False, help_text=_("images without a label get the model's answer as consensus, marked as such")
    )
    # Drawn objects: from which overlap on two of them are the same one.
    object_iou = models.FloatField(
        default=0.5,
        db_default=0.5,
        validators=[MinValueValidator(0.05), MaxValueValidator(0.95)],
        help_text=_("least intersection over union of two people's drawings of one object"),
    )
    gold_iou = models.FloatField(
        default=0.5,
        db_default=0.5,
        validators=[MinValueValidator(0.05), MaxValueValidator(0.95)],
        help_text=_("least intersection over union with a known object to have found it"),
    )
    train_automatically = models.BooleanField(default=True)
    training_config = models.JSONField(default=dict, blank=True)
    salt = models.CharField(max_length=64, default=new_salt, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False, help_text=_("raised by every change: the ETag"))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    trashed_at = models.DateTimeField(null=True, blank=True)
    # Not one that people see: it holds the deleted images of another project, and all that is known of them
    # (docs/decisions/0017). Made by labeler/projects/projects.py when the first one is deleted.
    trash_of = models.OneToOneField(
        "self", null=True, blank=True, editable=False, on_delete=models.CASCADE, related_name="image_trash"
    )

    # No columns: as what whoever asked counts here, and their place. Set by labeler/access.py.
    role: Role
    membership: Membership | None

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(task__in=Task.values), name="project_task_is_known"),
            models.CheckConstraint(
                condition=Q(trash_of__isnull=True) | Q(trashed_at__isnull=False), name="a_trash_of_images_is_not_live"
            ),
            models.CheckConstraint(condition=Q(labels_per_image__gte=1), name="at_least_one_label_per_image"),
            models.CheckConstraint(condition=Q(blind_share__gte=0.0, blind_share__lte=1.0), name="blind_share_in_0_1"),
            models.CheckConstraint(
                condition=Q(gold_share__gte=0.0, gold_share__lte=0.5, repeat_share__gte=0.0, repeat_share__lte=0.2),
                name="at_most_seven_in_ten_are_asked_to_learn_about_the_person",
            ),
            models.CheckConstraint(
                condition=Q(fewest_labels__gte=1, most_labels__gte=models.F("fewest_labels")),
                name="the_most_labels_are_not_fewer_than_the_fewest",
            ),
            models.CheckConstraint(
                condition=Q(object_iou__gt=0.0, object_iou__lte=1.0, gold_iou__gt=0.0, gold_iou__lte=1.0),
                name="iou_of_objects_in_0_1",
            ),
            models.CheckConstraint(condition=Q(goal_right__gte=0.5, goal_right__lt=1.0), name="goal_below_certainty"),
            models.CheckConstraint(
                condition=Q(review_confidence__gte=0.0, review_confidence__lte=1.0), name="review_confidence_in_0_1"
            ),
            models.CheckConstraint(
                condition=Q(planted_share__gte=0.0, planted_share__lte=0.5), name="at_most_half_of_a_page_is_planted"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_multi(self) -> bool:
        """May an answer name any number of classes, or none? Drawn objects name the classes that they are of."""
        return self.task != Task.SINGLE

    @property
    def draws(self) -> bool:
        """Do people draw objects here?"""
        return self.task in OBJECT_TASKS


class CategoryQuerySet(models.QuerySet["Category"]):
    """Words for sets of categories."""

    def in_use(self) -> CategoryQuerySet:
        """Those that can be chosen today, in their order on the screen."""
        return self.filter(retired_at__isnull=True).order_by("position", "id")


class Category(models.Model):
    """One class. Renamed, merged or retired, never deleted: old labels keep their meaning."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="categories")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    key = models.CharField(max_length=1, blank=True, help_text=_("the key that chooses it; empty: its position"))
    position = models.PositiveIntegerField(default=0)
    # A class is known by colour, shape and name together: colour alone is lost on one man in twelve.
    colour = models.PositiveSmallIntegerField(default=0, help_text=_("1 to 6; 0: by its position"))
    shape = models.PositiveSmallIntegerField(default=0, help_text=_("1 to 12; 0: by its position"))
    wanted = models.PositiveIntegerField(null=True, blank=True, help_text=_("images of this class, at least"))
    variety = models.TextField(blank=True, help_text=_("in words: what its images shall differ in"))
    smallest = models.FloatField(
        default=0.0,
        db_default=0.0,
        validators=[MinValueValidator(0.0)],
        help_text=_("pixels: the shorter side that an object of this class has at least"),
    )
    background = models.BooleanField(
        default=False, db_default=False, help_text=_("a class for each pixel: what nobody painted is this one")
    )
    former_names = models.JSONField(default=list, blank=True, help_text=_("clients may go on using them"))
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged_from")
    retired_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(
                Lower("name"), F("project"), condition=Q(retired_at__isnull=True), name="one_category_in_use_per_name"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="category_has_a_name"),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(background=True, retired_at__isnull=True),
                name="one_background_per_project",
            ),
            models.CheckConstraint(condition=Q(smallest__gte=0.0), name="smallest_size_not_negative"),
            models.CheckConstraint(condition=Q(colour__lte=6, shape__lte=12), name="marker_exists"),
        ]

    def __str__(self) -> str:
        return self.name


class CategoryExample(models.Model):
    """An image that shows what a class means, beside the guideline. Chosen by a lead."""

    category = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="examples")
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="+")
    caption = models.CharField(max_length=100, blank=True, help_text=_("typical, mild, …"))
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["category", "id"]
        constraints = [
            models.UniqueConstraint(fields=["category", "image"], name="one_example_per_category_and_image"),
        ]

    def __str__(self) -> str:
        return f"image {self.image_id} shows class {self.category_id}"


class GuidelineVersion(models.Model):
    """The text people worked by, version by version; labels record the number."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="guideline_versions")
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_guideline_per_project_and_number"),
        ]

    def __str__(self) -> str:
        return f"guideline {self.number} of {self.project_id}"


class Membership(models.Model):
    """A person in a project. The claim queue locks this row, so that one person's claims are serial."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.ANNOTATOR)
    created_at = models.DateTimeField(auto_now_add=True)
    category_keys = models.JSONField(
        default=dict, blank=True, help_text=_("this person's own keys: {category id: key}, where they differ")
    )
    paused_at = models.DateTimeField(null=True, help_text=_("a lead has stopped handing images to this person"))
    # Where this person's last search of the queue ended (labeler/labeling/claims.py): everything before it was theirs
    # or full. Without it, somebody 50,000 images ahead of the others would read 50,000 rows for each claim.
    frontier_priority = models.FloatField(null=True, editable=False)
    frontier_image = models.BigIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["project", "user"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person_and_project"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def may_lead(self) -> bool:
        return Role(self.role).reaches(Role.LEAD)
