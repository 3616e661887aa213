"""Work keeps how long a worker had it, and a training what each of its attempts took. What is over keeps no number."""

from django.db import migrations, models

HELP = "with a worker, all attempts together; null: not begun, or not counted yet then"


class Migration(migrations.Migration):
    dependencies = [("labeler", "0026_login_failures")]

    operations = [
        *(
            migrations.AddField(model, "worked_seconds", models.FloatField(help_text=HELP, null=True))
            for model in ("errand", "job", "part", "trainingrun")
        ),
        migrations.AddField(
            model_name="trainingrun",
            name="spent",
            field=models.JSONField(
                blank=True, default=list, help_text="what each attempt took, as last read"
            ),
        ),
    ]
