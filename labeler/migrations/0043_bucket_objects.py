"""Where originals lie that were left in their bucket."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeler", "0042_clicks")]

    operations = [
        migrations.CreateModel(
            name="BucketObject",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("bucket", models.CharField(max_length=255)),
                ("key", models.CharField(max_length=1024)),
                (
                    "version",
                    models.CharField(blank=True, help_text="empty: the bucket keeps no versions", max_length=1024),
                ),
                (
                    "etag",
                    models.CharField(help_text="of the object when it was read, without quotes", max_length=255),
                ),
                ("n_bytes", models.BigIntegerField()),
                ("read_at", models.DateTimeField(auto_now=True, help_text="when an import read it last")),
            ],
        ),
    ]
