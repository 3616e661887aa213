"""Every REST address with who may call it, and a project in which each of them has something to act on."""

from __future__ import annotations

import pytest
from django.utils import timezone

from labeler.accounts.tokens import create_token
from labeler.curation import saved_views
from labeler.labeling import claims, drafts
from labeler.labeling.labels import save_label
from labeler.models import CategoryExample, Errand, Job, Membership, WebhookDelivery
from labeler.projects import invitations
from labeler.review import adjudication, comments
from labeler.webhooks import webhooks
from tests.helpers.factories import add_images, make_model
from tests.helpers.releasing import make_release

# What each of ROLES gets for a request that is accepted from others: 2 = a 2xx, 1 = 401 (sign in), 3 = 403 (known, but
# not theirs), 4 = 404 (not for them to know of).
ANYBODY = "222222"
SIGNED_IN = "122222"
MEMBERS = "142222"
REVIEWERS = "143222"
LEADS = "143322"
TABLE = {
    ("tokens", "get"): SIGNED_IN,
    ("tokens", "post"): ANYBODY,  # who knows a name and its password
    ("token", "delete"): "144442",  # somebody else's token: not for them to know of; it is ada's
    ("me", "get"): SIGNED_IN,
    ("preferences", "get"): SIGNED_IN,
    ("preferences", "patch"): SIGNED_IN,
    ("class-keys", "get"): MEMBERS,
    ("class-keys", "put"): "142223",  # an admin who is no member has no keys
    ("projects", "get"): SIGNED_IN,
    ("projects", "post"): "133332",  # admins only
    ("project", "get"): MEMBERS,
    ("project", "patch"): LEADS,
    ("project", "delete"): LEADS,
    ("restoration", "post"): LEADS,
    ("members", "get"): REVIEWERS,
    ("members", "post"): LEADS,
    ("member", "patch"): LEADS,
    ("member", "delete"): LEADS,
    ("second-opinions", "post"): LEADS,
    ("invitations", "get"): LEADS,
    ("invitations", "post"): LEADS,
    ("project-invitation", "delete"): LEADS,
    ("gold", "get"): LEADS,
    ("gold", "post"): LEADS,
    ("gold-image", "delete"): LEADS,
    ("categories", "get"): MEMBERS,
    ("categories", "post"): LEADS,
    ("category", "get"): MEMBERS,
    ("category", "patch"): LEADS,
    ("guidelines", "get"): MEMBERS,
    ("guideline", "get"): MEMBERS,
    ("examples", "get"): MEMBERS,
    ("examples", "post"): LEADS,
    ("example", "delete"): LEADS,
    ("questions", "get"): MEMBERS,
    ("questions", "post"): LEADS,
    ("question", "patch"): LEADS,
    ("images", "get"): MEMBERS,
    ("images", "post"): LEADS,
    ("saved-views", "get"): REVIEWERS,
    ("saved-views", "post"): LEADS,
    ("saved-view", "delete"): LEADS,
    ("image", "get"): MEMBERS,
    ("image", "patch"): LEADS,
    ("preview", "get"): MEMBERS,
    ("thumb", "get"): MEMBERS,
    ("file", "get"): MEMBERS,
    ("tiles", "get"): MEMBERS,
    ("tile", "get"): MEMBERS,
    ("explanation", "get"): MEMBERS,  # ann has answered the image
    ("imports", "post"): LEADS,
    ("import", "get"): LEADS,
    ("import-cancellation", "post"): LEADS,
    ("import-confirmation", "post"): LEADS,
    ("import-report", "get"): LEADS,
    ("metadata", "post"): LEADS,
    ("claims", "post"): "142223",  # an admin who is no member labels nothing
    ("claim", "delete"): MEMBERS,
    ("click-answer", "get"): "144442",  # of ada's click: not for others to know of,
    ("click-mask", "post"): MEMBERS,
    ("less-sure-objects", "get"): MEMBERS,
    ("draft", "get"): "142224",
    ("draft", "put"): "142224",
    ("draft", "delete"): "142224",
    ("label", "put"): "142224",
    ("label", "delete"): "142224",
    ("review-pages", "post"): "142223",
    ("review-page", "patch"): "142223",
    ("review-page", "delete"): "142223",
    ("reviews", "post"): "142223",
    ("object-crops", "get"): MEMBERS,
    ("object-crops", "post"): "142223",
    ("comments", "get"): MEMBERS,
    ("comments", "post"): MEMBERS,
    ("threads", "get"): MEMBERS,
    ("thread-comments", "post"): MEMBERS,  # it is ann's
    ("thread-closure", "post"): MEMBERS,
    ("thread-reading", "post"): MEMBERS,
    ("labels", "get"): REVIEWERS,
    ("agreement", "get"): REVIEWERS,
    ("trust", "get"): MEMBERS,
    ("economy", "get"): REVIEWERS,
    ("agreement-report", "get"): REVIEWERS,
    ("disagreements", "get"): REVIEWERS,
    ("contested-groups", "get"): REVIEWERS,
    ("rounds", "post"): LEADS,
    ("label-errors", "get"): REVIEWERS,
    ("similar-images", "get"): MEMBERS,
    ("priorities", "post"): LEADS,
    ("deletions", "post"): LEADS,
    ("restorations", "post"): LEADS,
    ("image-work", "post"): LEADS,
    ("job", "get"): LEADS,
    ("image", "delete"): LEADS,
    ("near-duplicates", "get"): REVIEWERS,
    ("checks", "get"): REVIEWERS,
    ("checks", "post"): LEADS,
    ("drift", "get"): REVIEWERS,
    ("augmentation", "get"): REVIEWERS,
    ("augmentation", "post"): LEADS,
    ("varied-image", "get"): REVIEWERS,
    ("consensus", "get"): "142222",  # ann has answered the image
    ("consensus", "put"): REVIEWERS,
    ("consensus", "delete"): REVIEWERS,
    ("progress", "get"): MEMBERS,
    ("runs", "get"): REVIEWERS,
    ("runs", "post"): LEADS,
    ("acceptance", "get"): REVIEWERS,
    ("suspension", "post"): LEADS,
    ("resumption", "post"): LEADS,
    ("image-acceptance", "delete"): REVIEWERS,
    ("run", "get"): REVIEWERS,
    ("run-cancellation", "post"): LEADS,
    ("run-activation", "post"): LEADS,
    ("run-comparison", "get"): REVIEWERS,
    ("model-export", "get"): REVIEWERS,
    ("model-card", "get"): REVIEWERS,
    ("model", "get"): REVIEWERS,
    ("outside-models", "get"): REVIEWERS,
    ("outside-models", "post"): LEADS,
    ("outside-predictions", "post"): LEADS,
    ("outside-activation", "post"): LEADS,
    ("predictions", "get"): REVIEWERS,
    ("predictions", "post"): REVIEWERS,
    ("prediction", "get"): REVIEWERS,
    ("export", "get"): REVIEWERS,
    ("releases", "get"): REVIEWERS,
    ("releases", "post"): REVIEWERS,
    ("release", "get"): REVIEWERS,
    ("release", "patch"): REVIEWERS,
    ("release", "delete"): LEADS,
    ("release-file", "get"): REVIEWERS,
    ("webhooks", "get"): LEADS,
    ("webhooks", "post"): LEADS,
    ("webhook", "get"): LEADS,
    ("webhook", "patch"): LEADS,
    ("webhook", "delete"): LEADS,
    ("webhook-test", "post"): LEADS,
    ("deliveries", "get"): LEADS,
    ("redelivery", "post"): LEADS,
    ("schema", "get"): ANYBODY,
    ("docs", "get"): ANYBODY,
}


@pytest.fixture
def world(request, project, ann, bea, ada, rev, lena, settings, tmp_path):
    """One of everything, whose ids fill the addresses.

    For a test of one address a release is frozen only where it is about releases: that is half of all this takes.
    """
    about = getattr(request.node, "callspec", None)
    with_release = about is None or "release" in about.params.get("name", "release")
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    settings.STORAGES = {  # nobody has collected static files here
        **settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }  # fmt: skip
    image = add_images(project, 1, labels_needed=5, slice="")[0]
    for person in (ann, rev, lena):
        claims.claim(project=project, annotator=person)
        save_label(image_id=image.pk, annotator=person, categories=["dog"])
        drafts.keep(image_id=image.pk, annotator=person, objects=[])
    adjudication.decide(image_id=image.pk, reviewer=rev, categories=["dog"])
    run = make_model(project)
    webhook = webhooks.create(project=project, by=lena, url="https://93.184.216.34/told")[0]
    return {
        "project_id": project.pk,
        "image_id": image.pk,
        "category_id": project.categories.first().pk,
        "member_id": Membership.objects.get(user=bea).pk,
        "number": 1,
        "thread_id": comments.raise_flag(image=image, by=ann, text="Rust?").thread_id,
        "question_id": project.questions.create(name="fallen", kind="yes_no").pk,
        "example_id": CategoryExample.objects.create(category=project.categories.first(), image=image).pk,
        "invitation_id": invitations.create(project=project, by=lena)[0].pk,
        "token_id": create_token(user=ada)[0].pk,
        "import_id": Job.objects.create(project=project, kind="import").pk,
        "job_id": Job.objects.create(project=project, kind="views").pk,
        "run_id": run.pk,
        "errand_id": Errand.objects.create(project=project, kind="click", image=image, asked_by=ada).pk,
        "prediction_id": Errand.objects.create(project=project, kind="predict").pk,
        "release_id": make_release(project, lena).pk if with_release else 1,
        "webhook_id": webhook.pk,
        "delivery_id": WebhookDelivery.objects.create(
            webhook=webhook, event="run.finished", subject="run:1", next_at=timezone.now()
        ).pk,
        "view_id": saved_views.save(project=project, by=lena, name="mine", query="?search=a")[0].pk,
        "format": "csv",
        "page": "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a",
        "key": "0" * 32,
        "level": 0,
        "row": 0,
        "column": 0,
    }
