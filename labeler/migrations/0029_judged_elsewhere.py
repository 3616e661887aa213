"""Images of an import that nobody calls blind were chosen elsewhere: a word for it, no column."""

from django.db import migrations, models

WHY = [
    ("random", "random"),
    ("uncertainty", "uncertainty"),
    ("cover", "covers the data"),
    ("audit", "audit"),
    ("doubt", "doubt"),
    ("gain", "gain"),
    ("gold", "gold"),
    ("repeat", "repeat"),
    ("review", "review"),
    ("lead", "put first by a lead"),
    ("elsewhere", "judged elsewhere"),
]


class Migration(migrations.Migration):
    dependencies = [("labeler", "0028_exposure")]

    operations = [
        migrations.AlterField(
            model_name=model,
            name="chosen_by",
            field=models.CharField(choices=WHY, default="random", max_length=16),
        )
        for model in ("claim", "label", "queueentry")
    ]
