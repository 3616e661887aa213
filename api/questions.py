"""/api/projects/{id}/questions/ and /api/questions/{id}/: what is asked of each drawn object beside its class."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api import parsing
from api.access import View
from api.fields import CategoryRefsField
from api.permissions import LEADS_MANAGE, MEMBERS_READ
from api.schema import describe, example
from labeler.models import Question
from labeler.projects import questions

TAG = "Projects"


class ObjectQuestionInput(serializers.Serializer):
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(Question.Kind.choices)
    options = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=questions.MOST_OPTIONS,
        help_text="of `one` and `several`",
    )  # fmt: skip
    categories = CategoryRefsField(required=False, max_length=1000, help_text="asked of these classes; empty: of all")

    def get_fields(self) -> dict[str, serializers.Field]:
        # A name that cannot be an attribute here: every field has one of it.
        return {**super().get_fields(), "required": serializers.BooleanField(required=False)}


class QuestionChange(ObjectQuestionInput):
    position = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    retired = serializers.BooleanField(required=False, help_text="no longer asked; its answers stay")


class QuestionShape(serializers.ModelSerializer):
    retired = serializers.SerializerMethodField()

    class Meta:
        model = Question
        fields = ("id", "name", "kind", "options", "required", "categories", "position", "retired")

    def get_retired(self, question: Question) -> bool:
        return question.retired_at is not None


class QuestionListShape(serializers.Serializer):
    results = QuestionShape(many=True)
    next = serializers.URLField(allow_null=True)


class Questions(View):
    needs = {"GET": MEMBERS_READ, "POST": LEADS_MANAGE}

    @describe("list_questions", "What is asked of each drawn object, retired questions included.", tag=TAG,
              answers={200: QuestionListShape})  # fmt: skip
    def get(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        return Response(QuestionListShape({"results": project.questions.all(), "next": None}).data)

    @describe(
        "add_question", "Ask something of each drawn object.\n\nAnswers come with the objects: `attributes: {name: "
        "answer}`. Every change of a question raises the version of the label set.", tag=TAG,
        request=ObjectQuestionInput,
        answers={201: QuestionShape}, errors=(409,),
        examples=[example({"name": "occluded", "kind": "yes_no"}, of_request=True)],
    )  # fmt: skip
    def post(self, request: Request, project_id: int) -> Response:
        project = self.project(project_id)
        question = questions.add(project=project, by=self.person, **parsing.parse(ObjectQuestionInput, request))
        return Response(QuestionShape(question).data, status=201)


class OneQuestion(View):
    needs = {"PATCH": LEADS_MANAGE}

    @describe("change_question", "Rename, reword or retire a question.", tag=TAG, request=QuestionChange,
              answers={200: QuestionShape}, errors=(409,),
              examples=[example({"retired": True}, of_request=True)])  # fmt: skip
    def patch(self, request: Request, question_id: int) -> Response:
        missing = "There is no such question, or you are not a member of its project."
        question = self.row(Question.objects, question_id, missing)
        changes = parsing.parse(QuestionChange, request, partial=True)
        return Response(QuestionShape(questions.change(question=question, by=self.person, changes=changes)).data)
