"""The addresses of the REST contract (docs/rest.md). Nouns; what is done to them is the method."""

from __future__ import annotations

from django.urls import path, re_path

from api import acceptance
from api.agreement import Agreement, Progress
from api.augmentation import Augmentations, VariedImage
from api.categories import Categories, OneCategory
from api.checks import Checks
from api.claims import Claims, OneClaim
from api.clicks import ClickAnswer, ClickMask, LessSure
from api.comments import Closure, ImageComments, Reading, ThreadComments, Threads
from api.consensus import OneConsensus
from api.contested import ContestedGroups, Rounds
from api.disagreements import Disagreements
from api.docs import Docs, Schema
from api.doubts import LabelErrors
from api.drafts import OneDraft
from api.drift import Drifts
from api.duplicates import NearDuplicates
from api.economy import Economy
from api.examples import Examples, OneExample
from api.explanations import Explanation
from api.exports import Export
from api.files import File, Preview, Thumb, Tile, Tiles
from api.gold import GoldImages, OneGoldImage
from api.guidelines import Guidelines, OneGuideline
from api.image_work import Deletions, ImageWork, OneJob, Restorations
from api.images import Images, OneImage
from api.imports import Cancellation as ImportCancellation
from api.imports import Confirmation as ImportConfirmation
from api.imports import Imports, OneImport, RefusedRows
from api.invitations import Invitations, OneInvitation
from api.labels import Labels, OneLabel
from api.members import Members, OneMember, SecondOpinions
from api.metadata import Metadata
from api.model_files import Card, ModelExport
from api.nothing import Nothing
from api.object_crops import ObjectCrops
from api.outside_models import OutsideActivation, OutsideModels, OutsidePredictions
from api.predictions import OnePrediction, Predictions
from api.preferences import ClassKeys, Preferences
from api.projects import OneProject, Projects, Restoration
from api.questions import OneQuestion, Questions
from api.releases import OneRelease, ReleaseDownload, Releases
from api.report import AgreementReport
from api.reviews import OneReviewPage, ReviewPages, Reviews
from api.runs import Activation, ActiveModel, ComparedRuns, OneRun, Runs
from api.runs import Cancellation as RunCancellation
from api.saved_views import OneSavedView, SavedViews
from api.similar import Priorities, SimilarImages
from api.tokens import Me, OneToken, Tokens
from api.trust import Trust
from api.webhooks import Deliveries, OneWebhook, Redelivery, Webhooks
from api.webhooks import Test as WebhookTest

app_name = "api"
urlpatterns = [
    path("tokens/", Tokens.as_view(), name="tokens"),
    path("tokens/<int:token_id>/", OneToken.as_view(), name="token"),
    path("me/", Me.as_view(), name="me"),
    path("me/preferences/", Preferences.as_view(), name="preferences"),
    path("projects/", Projects.as_view(), name="projects"),
    path("projects/<int:project_id>/", OneProject.as_view(), name="project"),
    path("projects/<int:project_id>/restoration/", Restoration.as_view(), name="restoration"),
    path("projects/<int:project_id>/members/", Members.as_view(), name="members"),
    path("projects/<int:project_id>/members/<int:member_id>/", OneMember.as_view(), name="member"),
    path(
        "projects/<int:project_id>/members/<int:member_id>/second-opinions/",
        SecondOpinions.as_view(),
        name="second-opinions",
    ),
    path("projects/<int:project_id>/invitations/", Invitations.as_view(), name="invitations"),
    path(
        "projects/<int:project_id>/invitations/<int:invitation_id>/", OneInvitation.as_view(), name="project-invitation"
    ),
    path("projects/<int:project_id>/guidelines/", Guidelines.as_view(), name="guidelines"),
    path("projects/<int:project_id>/guidelines/<int:number>/", OneGuideline.as_view(), name="guideline"),
    path("projects/<int:project_id>/gold/", GoldImages.as_view(), name="gold"),
    path("projects/<int:project_id>/gold/<int:image_id>/", OneGoldImage.as_view(), name="gold-image"),
    path("projects/<int:project_id>/categories/", Categories.as_view(), name="categories"),
    path("projects/<int:project_id>/questions/", Questions.as_view(), name="questions"),
    path("questions/<int:question_id>/", OneQuestion.as_view(), name="question"),
    path("projects/<int:project_id>/keys/", ClassKeys.as_view(), name="class-keys"),
    path("categories/<int:category_id>/", OneCategory.as_view(), name="category"),
    path("categories/<int:category_id>/examples/", Examples.as_view(), name="examples"),
    path("examples/<int:example_id>/", OneExample.as_view(), name="example"),
    path("projects/<int:project_id>/images/", Images.as_view(), name="images"),
    path("projects/<int:project_id>/deletions/", Deletions.as_view(), name="deletions"),
    path("projects/<int:project_id>/restorations/", Restorations.as_view(), name="restorations"),
    path("projects/<int:project_id>/image-work/", ImageWork.as_view(), name="image-work"),
    path("projects/<int:project_id>/saved-views/", SavedViews.as_view(), name="saved-views"),
    path("projects/<int:project_id>/saved-views/<int:view_id>/", OneSavedView.as_view(), name="saved-view"),
    path("jobs/<int:job_id>/", OneJob.as_view(), name="job"),
    path("images/<int:image_id>/", OneImage.as_view(), name="image"),
    path("images/<int:image_id>/similar/", SimilarImages.as_view(), name="similar-images"),
    path("projects/<int:project_id>/drift/", Drifts.as_view(), name="drift"),
    path("projects/<int:project_id>/checks/", Checks.as_view(), name="checks"),
    path("projects/<int:project_id>/near-duplicates/", NearDuplicates.as_view(), name="near-duplicates"),
    path("projects/<int:project_id>/priorities/", Priorities.as_view(), name="priorities"),
    path("images/<int:image_id>/preview/", Preview.as_view(), name="preview"),
    path("images/<int:image_id>/thumb/", Thumb.as_view(), name="thumb"),
    path("images/<int:image_id>/file/", File.as_view(), name="file"),
    path("images/<int:image_id>/tiles/", Tiles.as_view(), name="tiles"),
    path("images/<int:image_id>/tiles/<int:level>/<int:column>/<int:row>/", Tile.as_view(), name="tile"),
    path("images/<int:image_id>/less-sure-objects/", LessSure.as_view(), name="less-sure-objects"),
    path("images/<int:image_id>/click-mask/", ClickMask.as_view(), name="click-mask"),
    path("images/<int:image_id>/click-mask/<int:errand_id>/", ClickAnswer.as_view(), name="click-answer"),
    path("images/<int:image_id>/explanation/", Explanation.as_view(), name="explanation"),
    path("projects/<int:project_id>/imports/", Imports.as_view(), name="imports"),
    path("imports/<int:import_id>/", OneImport.as_view(), name="import"),
    path("imports/<int:import_id>/confirmation/", ImportConfirmation.as_view(), name="import-confirmation"),
    path("imports/<int:import_id>/report/", RefusedRows.as_view(), name="import-report"),
    path("imports/<int:import_id>/cancellation/", ImportCancellation.as_view(), name="import-cancellation"),
    path("projects/<int:project_id>/metadata/", Metadata.as_view(), name="metadata"),
    path("projects/<int:project_id>/claims/", Claims.as_view(), name="claims"),
    path("images/<int:image_id>/claim/", OneClaim.as_view(), name="claim"),
    path("images/<int:image_id>/draft/", OneDraft.as_view(), name="draft"),
    path("images/<int:image_id>/label/", OneLabel.as_view(), name="label"),
    path("projects/<int:project_id>/review-pages/", ReviewPages.as_view(), name="review-pages"),
    path("projects/<int:project_id>/review-pages/<uuid:page>/", OneReviewPage.as_view(), name="review-page"),
    path("projects/<int:project_id>/reviews/", Reviews.as_view(), name="reviews"),
    path("projects/<int:project_id>/object-crops/", ObjectCrops.as_view(), name="object-crops"),
    path("images/<int:image_id>/comments/", ImageComments.as_view(), name="comments"),
    path("projects/<int:project_id>/threads/", Threads.as_view(), name="threads"),
    path("threads/<int:thread_id>/comments/", ThreadComments.as_view(), name="thread-comments"),
    path("threads/<int:thread_id>/closure/", Closure.as_view(), name="thread-closure"),
    path("threads/<int:thread_id>/reading/", Reading.as_view(), name="thread-reading"),
    path("projects/<int:project_id>/labels/", Labels.as_view(), name="labels"),
    path("projects/<int:project_id>/agreement/", Agreement.as_view(), name="agreement"),
    path("projects/<int:project_id>/agreement/report/", AgreementReport.as_view(), name="agreement-report"),
    path("projects/<int:project_id>/trust/", Trust.as_view(), name="trust"),
    path("projects/<int:project_id>/economy/", Economy.as_view(), name="economy"),
    path("projects/<int:project_id>/disagreements/", Disagreements.as_view(), name="disagreements"),
    path("projects/<int:project_id>/disagreements/groups/", ContestedGroups.as_view(), name="contested-groups"),
    path("projects/<int:project_id>/label-errors/", LabelErrors.as_view(), name="label-errors"),
    path("projects/<int:project_id>/rounds/", Rounds.as_view(), name="rounds"),
    path("images/<int:image_id>/consensus/", OneConsensus.as_view(), name="consensus"),
    path("projects/<int:project_id>/progress/", Progress.as_view(), name="progress"),
    path("projects/<int:project_id>/runs/", Runs.as_view(), name="runs"),
    path("runs/<int:run_id>/", OneRun.as_view(), name="run"),
    path("runs/<int:run_id>/cancellation/", RunCancellation.as_view(), name="run-cancellation"),
    path("runs/<int:run_id>/activation/", Activation.as_view(), name="run-activation"),
    path("runs/<int:run_id>/comparison/", ComparedRuns.as_view(), name="run-comparison"),
    path("projects/<int:project_id>/acceptance/", acceptance.OfProject.as_view(), name="acceptance"),
    path("projects/<int:project_id>/acceptance/suspension/", acceptance.Suspending.as_view(), name="suspension"),
    path("projects/<int:project_id>/acceptance/resumption/", acceptance.Resuming.as_view(), name="resumption"),
    path("images/<int:image_id>/acceptance/", acceptance.OfImage.as_view(), name="image-acceptance"),
    path("projects/<int:project_id>/augmentation/", Augmentations.as_view(), name="augmentation"),
    path(
        "projects/<int:project_id>/augmentation/<slug:key>/<int:row>/<int:column>/",
        VariedImage.as_view(),
        name="varied-image",
    ),
    path("runs/<int:run_id>/export/", ModelExport.as_view(), name="model-export"),
    path("runs/<int:run_id>/card/", Card.as_view(), name="model-card"),
    path("projects/<int:project_id>/model/", ActiveModel.as_view(), name="model"),
    path("projects/<int:project_id>/outside-models/", OutsideModels.as_view(), name="outside-models"),
    path("outside-models/<int:run_id>/predictions/", OutsidePredictions.as_view(), name="outside-predictions"),
    path("outside-models/<int:run_id>/activation/", OutsideActivation.as_view(), name="outside-activation"),
    path("projects/<int:project_id>/predictions/", Predictions.as_view(), name="predictions"),
    path("predictions/<int:prediction_id>/", OnePrediction.as_view(), name="prediction"),
    path("projects/<int:project_id>/export/<slug:format>/", Export.as_view(), name="export"),
    path("projects/<int:project_id>/releases/", Releases.as_view(), name="releases"),
    path("releases/<int:release_id>/", OneRelease.as_view(), name="release"),
    path("releases/<int:release_id>/files/<slug:format>/", ReleaseDownload.as_view(), name="release-file"),
    path("projects/<int:project_id>/webhooks/", Webhooks.as_view(), name="webhooks"),
    path("webhooks/<int:webhook_id>/", OneWebhook.as_view(), name="webhook"),
    path("webhooks/<int:webhook_id>/test/", WebhookTest.as_view(), name="webhook-test"),
    path("webhooks/<int:webhook_id>/deliveries/", Deliveries.as_view(), name="deliveries"),
    path("webhooks/<int:webhook_id>/deliveries/<int:delivery_id>/redelivery/", Redelivery.as_view(), name="redelivery"),
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", Docs.as_view(), name="docs"),
    re_path(r"^", Nothing.as_view(), name="nothing"),
]
