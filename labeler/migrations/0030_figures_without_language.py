"""Figures were kept once for each language, with their sentences. They hold codes now, and each is kept once."""

from django.db import migrations


def forget_those_of_a_language(apps, schema_editor):
    apps.get_model("labeler", "Snapshot").objects.filter(name__contains="@").delete()


class Migration(migrations.Migration):
    dependencies = [("labeler", "0029_judged_elsewhere")]

    operations = [migrations.RunPython(forget_those_of_a_language, migrations.RunPython.noop)]
