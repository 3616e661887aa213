"""What is accepted is a set of classes: of one class per image, a set of one."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labeler", "0021_prediction_indexes")]

    operations = [
        migrations.AddField(
            model_name="acceptance",
            name="categories",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None,
                help_text="what stands: category ids, ascending",
            ),
        ),
        migrations.AlterField(
            model_name="acceptance",
            name="category",
            field=models.ForeignKey(
                null=True, db_index=False, on_delete=django.db.models.deletion.RESTRICT, related_name="+",
                to="labeler.category",
            ),
        ),
        migrations.RunSQL(
            # The constraint is checked here, or the columns could not be changed in the same transaction.
            "UPDATE labeler_acceptance SET categories = ARRAY[category_id]; SET CONSTRAINTS ALL IMMEDIATE",
            "UPDATE labeler_acceptance SET category_id = categories[1]; SET CONSTRAINTS ALL IMMEDIATE",
        ),
        migrations.RemoveField(model_name="acceptance", name="category"),
        migrations.AlterField(
            model_name="acceptance",
            name="categories",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), size=None, help_text="what stands: category ids, ascending"
            ),
        ),
    ]  # fmt: skip
