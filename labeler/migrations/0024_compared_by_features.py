"""Sketches know whether their image was held against those whose features are like its: at first none was."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeler", "0023_features_in_place")]

    operations = [
        migrations.AddField(
            model_name="sketch",
            name="compared",
            field=models.BooleanField(
                default=False, help_text="was held against the images whose features are like its"
            ),
        ),
        migrations.AddIndex(
            model_name="sketch",
            index=models.Index(
                condition=models.Q(("compared", False)), fields=["project", "image"], name="sketches_to_compare"
            ),
        ),
    ]
