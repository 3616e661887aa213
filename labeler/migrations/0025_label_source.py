"""Labels say whether their author knew what others or the model say, and which import they came with."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeler", "0024_compared_by_features")]

    operations = [
        migrations.AddField(
            model_name="label",
            name="informed",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="others' answers or the model's were shown before; of an import: it does not say that none were",
            ),
        ),
        migrations.AddField(
            model_name="label",
            name="source_import",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="+",
                to="labeler.job",
            ),
        ),
        migrations.RemoveIndex(model_name="label", name="current_labels_by_image"),
        migrations.AddIndex(
            model_name="label",
            index=models.Index(
                condition=models.Q(("superseded_at__isnull", True)),
                fields=["project", "image", "annotator"],
                include=["categories", "answer", "round", "shown_prediction", "informed", "chosen_by"],
                name="current_labels_by_image",
            ),
        ),
    ]
