"""Failed log-ins are counted in the database, for all web processes together."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeler", "0025_label_source")]

    operations = [
        migrations.CreateModel(
            name="LoginFailures",
            fields=[
                (
                    "key",
                    models.CharField(
                        help_text="HMAC-SHA-256 of what is counted",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "forgotten_at",
                    models.DateTimeField(
                        help_text="when the last try is forgotten: the more there are, the later"
                    ),
                ),
                (
                    "turn_at",
                    models.DateTimeField(
                        help_text="from then on the next try is judged, whatever the counts say", null=True
                    ),
                ),
                (
                    "known_until",
                    models.DateTimeField(help_text="the name has logged in from this address", null=True),
                ),
                (
                    "kept_until",
                    models.DateTimeField(
                        db_index=True, help_text="then the row says nothing any more, and is deleted"
                    ),
                ),
            ],
            options={"verbose_name_plural": "login failures"},
        ),
    ]
