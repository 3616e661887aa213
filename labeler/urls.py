"""Every address of the product. Names of a project's pages are its tabs (templates/project_base.html)."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from api import health
from labeler.pages.account import account
from labeler.pages.agreement import agreement, annotator, differences, disagreement_groups, gold, report
from labeler.pages.export import data_card, export
from labeler.pages.export import releases as release_pages
from labeler.pages.images import (
    checks,
    image_work,
    images,
    import_preview,
    importing,
    metadata,
    near_duplicates,
    saved_views,
    similar,
)
from labeler.pages.label import labeling, my_work, threads
from labeler.pages.model import accepting, card, label_economy, model, run, trying
from labeler.pages.overview import overview
from labeler.pages.projects import invitations, members, projects
from labeler.pages.review import adjudicate, reasons, review
from labeler.pages.settings import classes, examples, guideline, objects, settings, variations, webhooks
from labeler.pages.shell import about, documents, errors

project_pages: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="project"),
    path("restore/", projects.restore, name="restore_project"),
    path("label/", labeling.label, name="label"),
    path("label/mixups/", labeling.mixed_up, name="mixups"),
    path("review/", review.review, name="review"),
    path("threads/", threads.threads, name="threads"),
    path("threads/<int:thread_id>/", threads.thread, name="thread"),
    path("images/", images.images, name="images"),
    path("images/work/", image_work.image_work, name="image_work"),
    path("images/views/", saved_views.change, name="saved_views"),
    path("images/near-duplicates/", near_duplicates.near_duplicates, name="near_duplicates"),
    path("images/unlike/", similar.unlike, name="unlike"),
    path("images/<int:image_id>/similar/", similar.similar, name="similar"),
    path("mine/", my_work.mine, name="mine"),
    path("images/<int:image_id>/", images.image, name="image"),
    path("images/<int:image_id>/metadata/", metadata.change, name="image_metadata"),
    path("checks/", checks.checks, name="checks"),
    path("checks/<slug:code>/", checks.finding, name="finding"),
    path("adjudicate/", adjudicate.adjudicate, name="adjudicate"),
    path("adjudicate/reasons/", reasons.reasons, name="adjudicate_reasons"),
    path("images/<int:image_id>/example/", examples.from_image, name="use_as_example"),
    path("agreement/", agreement.agreement, name="agreement"),
    path("agreement/report/", report.report, name="agreement_report"),
    path("agreement/differences/", differences.differences, name="differences"),
    path("agreement/contested/", disagreement_groups.groups, name="contested"),
    path("agreement/contested/rule/", disagreement_groups.rule, name="rule"),
    path("agreement/people/<str:username>/", annotator.annotator, name="annotator"),
    path("model/", model.model, name="model"),
    path("economy/", label_economy.economy, name="economy"),
    path("model/try/", trying.try_model, name="try_model"),
    path("model/try/<int:errand_id>/", trying.tried, name="tried"),
    path("model/train/", model.train, name="train"),
    path("model/runs/<int:number>/", run.run, name="run"),
    path("model/runs/<int:number>/card/", card.card, name="model_card"),
    path("model/runs/<int:number>/images/", run.images, name="run_images"),
    path("model/compare/", run.compare, name="compare_runs"),
    path("model/<int:run_id>/cancel/", model.cancel, name="cancel_run"),
    path("model/<int:run_id>/activate/", model.activate, name="activate_run"),
    path("model/accepting/suspend/", accepting.suspend, name="suspend_accepting"),
    path("model/accepting/resume/", accepting.resume, name="resume_accepting"),
    path("images/<int:image_id>/ask/", accepting.ask, name="ask_people"),
    path("import/", importing.import_images, name="import"),
    path("import/<int:job_id>/", import_preview.preview, name="import_preview"),
    path("import/<int:job_id>/refused.csv", import_preview.refused_rows, name="import_refused"),
    path("import/<int:job_id>/cancel/", importing.cancel, name="cancel_import"),
    path("import/metadata/", metadata.describe, name="import_metadata"),
    path("export/", export.export, name="export"),
    path("releases/new/", release_pages.new, name="new_release"),
    path("releases/<int:number>/", release_pages.release, name="release"),
    path("releases/<int:number>/card/", data_card.card, name="release_card"),
    path("releases/<int:number>/name/", release_pages.change, name="change_release"),
    path("releases/<int:number>/files/", release_pages.build, name="build_release_file"),
    path("releases/<int:number>/delete/", release_pages.delete, name="delete_release"),
    path("gold/", gold.images, name="gold"),
    path("gold/<int:image_id>/", gold.one, name="gold_image"),
    path("members/", members.members, name="members"),
    path("members/<int:member_id>/", members.member, name="member"),
    path("members/invitations/<int:invitation_id>/revoke/", members.revoke, name="revoke_invitation"),
    path("settings/", settings.question, name="settings"),
    path("settings/guideline/", guideline.guideline, name="settings_guideline"),
    path("settings/guideline/<int:number>/", guideline.version, name="guideline_version"),
    path("settings/guideline/compare/", guideline.compare, name="guideline_compare"),
    path("settings/classes/", classes.classes, name="categories"),
    path("settings/classes/<int:category_id>/", classes.one, name="category"),
    path("settings/classes/<int:category_id>/examples/", examples.picker, name="examples"),
    path("settings/wanted/", settings.wanted_numbers, name="settings_wanted"),
    path("settings/judging/", settings.judging, name="settings_judging"),
    path("settings/objects/", objects.objects, name="settings_objects"),
    path("settings/quality/", settings.quality, name="settings_quality"),
    path("settings/consensus/", settings.consensus, name="settings_consensus"),
    path("settings/accepting/", settings.accepting, name="settings_accepting"),
    path("settings/model/", settings.model, name="settings_model"),
    path("settings/training/", settings.training, name="settings_training"),
    path("settings/variations/", variations.variations, name="settings_variations"),
    path("settings/webhooks/", webhooks.of_project, name="settings_webhooks"),
    path("settings/webhooks/<int:webhook_id>/", webhooks.one, name="settings_webhook"),
    path("settings/trash/", settings.trash, name="trash_project"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", projects.projects, name="projects"),
    path("projects/new/", projects.new_project, name="new_project"),
    path("projects/<int:project_id>/", include(project_pages)),
    path("about/", about.about, name="about"),
    path("docs/", documents.index, name="documents"),
    path("docs/<slug:name>/", documents.document, name="document"),
    path("invitations/<slug:secret>/", invitations.invitation, name="invitation"),
    path("account/", account.account, name="account"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke_token, name="revoke_token"),
    path("login/", account.login, name="login"),
    path("login/once/<str:secret>/", account.login_once, name="login_once"),
    path("logout/", account.logout, name="logout"),
    path("admin/", admin.site.urls),
    path("api/", include("api.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
