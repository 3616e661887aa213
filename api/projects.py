"""/api/projects/: make, list, change, trash and restore projects."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import etags, parsing
from api.access import View
from api.categories import MOST, CategoryInput, CategoryShape
from api.fields import ShareField, TrainSettingsField
from api.pagination import NEWEST_FIRST, page
from api.permissions import LEADS_MANAGE, MEMBERS_READ, Needs
from api.questions import ObjectQuestionInput, QuestionShape
from api.schema import IF_MATCH, PAGING, describe, example, page_of, parameter
from labeler import access
from labeler.errors import NotAllowed
from labeler.models import Project, Role
from labeler.models.account import Scope
from labeler.models.project import ConsensusMethod, Ordered, Task
from labeler.projects import projects

TAG = "Projects"


class ProjectSettings(serializers.Serializer):
    """What can be changed about a project."""

    name = serializers.CharField(max_length=200)
    question = serializers.CharField(required=False, allow_blank=True, max_length=500)
    description = serializers.CharField(required=False, allow_blank=True, max_length=100_000)
    guideline = serializers.CharField(
        required=False, allow_blank=True, max_length=200_000, trim_whitespace=False,
        help_text="another text is a new version; labels remember which one they followed",
    )  # fmt: skip
    labels_per_image = serializers.IntegerField(required=False, min_value=1, max_value=50)
    blind_share = ShareField(required=False, help_text="of new images: judged by everybody without a pre-label")
    lease_seconds = serializers.IntegerField(required=False, min_value=30, max_value=86_400)
    target_agreement = ShareField(required=False)
    wanted_images = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST, help_text="how many the data set shall have"
    )
    variety = serializers.CharField(
        required=False, allow_blank=True, max_length=10_000, help_text="in words: what the images shall differ in"
    )
    review_confidence = ShareField(required=False, help_text="pre-labels from here on come to the review grid")
    planted_share = ShareField(
        required=False, max_value=0.5, help_text="of a review page: known answers under a wrong suggestion"
    )
    gold_share = ShareField(
        required=False, max_value=0.5, help_text="of what each person is given: images whose answer is known"
    )
    gold_feedback = serializers.BooleanField(required=False, help_text="say at once what a gold image was")
    repeat_share = ShareField(
        required=False, max_value=0.2, help_text="of what each person is given: images they judged long ago"
    )
    consensus_method = serializers.ChoiceField(
        ConsensusMethod.choices, required=False, help_text="how several answers become one"
    )
    adaptive_overlap = serializers.BooleanField(
        required=False, help_text="between fewest_labels and most_labels per image, as its answers leave doubt"
    )
    fewest_labels = serializers.IntegerField(required=False, min_value=1, max_value=50)
    most_labels = serializers.IntegerField(required=False, min_value=1, max_value=50)
    enough_confidence = ShareField(
        required=False, min_value=0.5, max_value=0.999, help_text="from here on nobody else is asked"
    )
    ordered = serializers.ChoiceField(
        Ordered.choices, required=False, help_text="weights of kappa for classes with an order; single choice only"
    )
    object_iou = ShareField(
        required=False, min_value=0.05, max_value=0.95,
        help_text="drawn objects: from this intersection over union on, two people drew the same one",
    )  # fmt: skip
    gold_iou = ShareField(
        required=False, min_value=0.05, max_value=0.95, help_text="drawn objects: and somebody found a known one"
    )
    show_file_names = serializers.BooleanField(
        required=False, help_text="to annotators; a path can give the class away"
    )
    show_prelabels = serializers.BooleanField(required=False)
    ask_uncertain_first = serializers.BooleanField(required=False)
    auto_accept = serializers.BooleanField(
        required=False, help_text="what the model is sure enough of stands without a person; single choice only"
    )
    accept_precision = ShareField(
        required=False, min_value=0.8, max_value=0.99, help_text="least share of the accepted that is right"
    )
    accept_confidence = ShareField(
        required=False, min_value=0.8, max_value=0.99, help_text="chance that this is true of a calibration slice"
    )
    accept_per_class = serializers.BooleanField(
        required=False, help_text="a threshold for each class with enough calibration images"
    )
    audited_share = ShareField(
        required=False, min_value=0.01, max_value=0.5, help_text="of the accepted: judged by people too, blind"
    )
    ask_by_gain = serializers.BooleanField(
        required=False,
        help_text="a new image or one more opinion, whichever makes more labels right; at most `most_labels`",
    )
    goal_right = ShareField(
        required=False, min_value=0.5, max_value=0.999,
        help_text="share of labels that shall be right; asking by gain stops there",
    )  # fmt: skip
    model_fills = serializers.BooleanField(
        required=False, help_text="the model's answer is the consensus of images nobody has labeled, method `model`"
    )
    train_automatically = serializers.BooleanField(required=False)
    training_config = TrainSettingsField(required=False)


class CategoryOrName(CategoryInput):
    """A class of a new project: an object, or only its name."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value({"name": data} if isinstance(data, str) else data)


class NewProject(ProjectSettings):
    task = serializers.ChoiceField(
        Task.choices, help_text="single, multi: people name classes; the others: they draw objects of classes"
    )
    categories = CategoryOrName(many=True)
    questions = ObjectQuestionInput(many=True, required=False, help_text="asked of each drawn object")


class ProjectChange(ProjectSettings):
    task = serializers.ChoiceField(Task.choices, required=False, help_text="cannot be changed")


class ProjectShape(serializers.ModelSerializer):
    """A project as its members see it."""

    label_set = serializers.IntegerField(source="label_set_version", help_text="raised by every change of a class")
    role = serializers.ChoiceField(Role.choices, help_text="yours")

    class Meta:
        model = Project
        fields = (
            "id", "name", "task", "question", "description", "guideline", "guideline_version", "label_set",
            "labels_per_image", "blind_share", "lease_seconds", "target_agreement", "wanted_images", "variety",
            "review_confidence", "planted_share", "gold_share", "gold_feedback", "repeat_share", "consensus_method",
            "adaptive_overlap", "fewest_labels", "most_labels", "enough_confidence", "ordered",
            "object_iou", "gold_iou",
            "show_file_names", "show_prelabels", "ask_uncertain_first", "auto_accept", "accept_precision",
            "accept_confidence", "accept_per_class", "audited_share", "ask_by_gain", "goal_right",
            "model_fills", "train_automatically", "training_config",
            "role", "version", "created_at", "trashed_at",
        )  # fmt: skip


class FullProjectShape(ProjectShape):
    categories = serializers.SerializerMethodField()
    questions = serializers.SerializerMethodField()

    class Meta(ProjectShape.Meta):
        fields = (*ProjectShape.Meta.fields, "categories", "questions")  # type: ignore[assignment]

    def get_categories(self, project: Project) -> CategoryShape(many=True):  # type: ignore[valid-type]
        return CategoryShape(project.categories.in_use(), many=True).data

    def get_questions(self, project: Project) -> QuestionShape(many=True):  # type: ignore[valid-type]
        # Asked for where there may be some only: this answer is read at each start of a client.
        asked = project.questions.filter(retired_at=None) if project.draws else []
        return QuestionShape(asked, many=True).data


EXAMPLE = {
    "name": "Leaves", "task": "single", "question": "What is wrong with this leaf?",
    "categories": [{"name": "rust", "description": "orange dust", "key": "r"}, {"name": "healthy"}],
    "labels_per_image": 2, "blind_share": 0.15,
}  # fmt: skip


class Projects(View):
    needs = {"GET": Needs(Scope.READ), "POST": Needs(Scope.MANAGE)}

    @describe("list_projects", "Your projects, newest first; all of them for an administrator.", tag=TAG,
              parameters=[*PAGING, parameter("trashed", "those in the trash that you lead", bool)],
              answers={200: page_of(ProjectShape)})  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = (access.trash_of if parsing.flag(request, "trashed") else access.projects_of)(self.person)

        def shape(found: list[Project]) -> Any:
            roles = access.roles_in(self.person, [project.pk for project in found])
            for project in found:
                project.role = roles[project.pk]
            return ProjectShape(found, many=True).data

        return page(request, rows, shape, order=NEWEST_FIRST)

    @describe("create_project", "Make a project.\n\nOnly administrators may; whoever makes it is its first lead.",
              tag=TAG, request=NewProject, answers={201: FullProjectShape}, errors=(409, 422),
              examples=[example(EXAMPLE, of_request=True)])  # fmt: skip
    def post(self, request: Request) -> Response:
        projects.check_may_create(self.person)
        project = projects.create(created_by=self.person, **parsing.parse(NewProject, request))
        project.role = Role.LEAD
        return etags.tagged(Response(FullProjectShape(project).data, status=201), project.version)


class OneProject(View):
    needs = {"GET": MEMBERS_READ, "PATCH": LEADS_MANAGE, "DELETE": LEADS_MANAGE}

    @describe("get_project", "One project, with its classes.", tag=TAG, answers={200: FullProjectShape})
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        return etags.tagged(Response(FullProjectShape(project).data), project.version)

    @describe("change_project", "Change settings of a project.", tag=TAG, request=ProjectChange,
              answers={200: FullProjectShape}, errors=(412, 422), parameters=[IF_MATCH],
              examples=[example({"labels_per_image": 3, "guideline": "Look at the underside too."}, of_request=True)],
              )  # fmt: skip
    def patch(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        changed = projects.update(
            project=project, by=self.person, changes=parsing.parse(ProjectChange, request, partial=True),
            expected_version=etags.expected_number(request, project.version),
        )  # fmt: skip
        changed.role = project.role
        return etags.tagged(Response(FullProjectShape(changed).data), changed.version)

    @describe("trash_project", "Move a project to the trash, from where it can be restored for 30 days.", tag=TAG,
              answers={204: None})  # fmt: skip
    def delete(self, request: Request, project_id: int) -> Response:
        projects.trash(project=self.project(project_id), by=self.person)
        return Response(status=204)


class Restoration(View):
    needs = {"POST": LEADS_MANAGE}

    @describe("restore_project", "Bring a project back from the trash, with everything in it.", tag=TAG, request=None,
              answers={200: FullProjectShape}, errors=(422,))  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        # Not self.project(): that one does not see the trash.
        project = access.project_for(self.person, project_id, also_in_trash=True)
        if not access.may_lead(project):
            raise NotAllowed(_("Only a lead of this project may do this."))
        restored = projects.restore(project=project, by=self.person)
        restored.role = Role.LEAD
        return etags.tagged(Response(FullProjectShape(restored).data), restored.version)
