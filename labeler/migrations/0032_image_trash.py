"""Images in the trash belong to another project, and take the rows about them along (docs/decisions/0017).

A row about an image that has a project column of its own refers to both as a pair. ON UPDATE CASCADE moves it with its
image, in the same statement; and no row can ever say another project than its image, whoever writes it.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models

# Table: what the rule is called. Each has an index that begins with the image.
ABOUT_IMAGES = {
    "label": "labels_go_with_their_image",
    "claim": "claims_go_with_their_image",
    "queueentry": "seats_go_with_their_image",
    "sketch": "sketches_go_with_their_image",
    "consensus": "consensus_goes_with_its_image",
    "gold": "gold_goes_with_its_image",
    "plant": "plants_go_with_their_image",
    "thread": "threads_go_with_their_image",
    "acceptance": "acceptances_go_with_their_image",
}
TOGETHER = [
    (
        f"""ALTER TABLE labeler_{table} ADD CONSTRAINT {name} FOREIGN KEY (image_id, project_id)
            REFERENCES labeler_image (id, project_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED""",
        f"ALTER TABLE labeler_{table} DROP CONSTRAINT {name}",
    )
    for table, name in ABOUT_IMAGES.items()
]

# As in 0002, and: a label follows its image into the trash and back, with nothing else of it changed. That it says the
# project of its image is held by the pair above.
FORWARD = """
CREATE OR REPLACE FUNCTION labeler_label_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('labeler.purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'labels are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.project_id <> OLD.project_id AND (to_jsonb(NEW) - 'project_id') = (to_jsonb(OLD) - 'project_id') THEN
        RETURN NEW;
    END IF;
    IF OLD.superseded_at IS NOT NULL OR NEW.superseded_at IS NULL
       OR (to_jsonb(NEW) - 'superseded_at') <> (to_jsonb(OLD) - 'superseded_at') THEN
        RAISE EXCEPTION 'a label is only ever superseded, never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION labeler_label_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('labeler.purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'labels are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.superseded_at IS NOT NULL OR NEW.superseded_at IS NULL
       OR (to_jsonb(NEW) - 'superseded_at') <> (to_jsonb(OLD) - 'superseded_at') THEN
        RAISE EXCEPTION 'a label is only ever superseded, never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

# Searching names by a part of them: of 1,000,000 names .6 s without it. A server of one's own may lack the extension,
# or the right to make it; then the search reads all names, and everything else works as ever.
NAMES = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX images_by_name ON labeler_image USING gin (upper(name::text) gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'names are searched without an index: %', SQLERRM;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("labeler", "0031_help_texts_name_packages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="image",
            name="one_image_per_project_and_content",
        ),
        migrations.AddField(
            model_name="image",
            name="trashed_at",
            field=models.DateTimeField(help_text="30 days later it is deleted for good", null=True),
        ),
        migrations.AddField(
            model_name="image",
            name="trashed_from",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="trash",
                to="labeler.project",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="trash_of",
            field=models.OneToOneField(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="image_trash",
                to="labeler.project",
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("import", "import"),
                    ("export", "export"),
                    ("prelabel", "pre-labels"),
                    ("views", "varied images"),
                    ("look", "look at the images"),
                    ("images", "work on images"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(fields=["sha256"], name="image_by_content"),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)), fields=["trashed_at"], name="image_by_time_in_trash"
            ),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                condition=models.Q(("trashed_from__isnull", False)),
                fields=["trashed_from", "-id"],
                name="images_in_the_trash",
            ),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.UniqueConstraint(
                django.db.models.functions.comparison.Coalesce("trashed_from", "project"),
                models.F("sha256"),
                name="one_image_per_content_in_project_and_trash",
            ),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.UniqueConstraint(fields=("id", "project"), name="image_and_its_project"),
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("trashed_at__isnull", True), ("trashed_from__isnull", True)),
                    models.Q(
                        ("trashed_at__isnull", False),
                        ("trashed_from__isnull", False),
                        models.Q(("trashed_from", models.F("project")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="trashed_from_one_project_at_one_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(("trash_of__isnull", True), ("trashed_at__isnull", False), _connector="OR"),
                name="a_trash_of_images_is_not_live",
            ),
        ),
        migrations.AddIndex(
            model_name="consensus",
            index=django.contrib.postgres.indexes.GinIndex(fields=["categories"], name="consensus_by_class"),
        ),
        migrations.AddIndex(
            model_name="image",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["metadata"], name="images_by_metadata", opclasses=["jsonb_path_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                models.F("project"),
                django.db.models.expressions.CombinedExpression(models.F("width"), "*", models.F("height")),
                name="images_by_pixels",
            ),
        ),
        migrations.AddIndex(
            model_name="label",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("superseded_at__isnull", True)),
                fields=["categories"],
                name="current_labels_by_class",
            ),
        ),
        migrations.AlterField(
            model_name="image",
            name="job",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="images",
                to="labeler.job",
            ),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                condition=models.Q(("job__isnull", False)), fields=["job", "id"], name="images_of_an_import"
            ),
        ),
        *(migrations.RunSQL(forward, backward) for forward, backward in TOGETHER),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunSQL(NAMES, "DROP INDEX IF EXISTS images_by_name"),
    ]
