"""Releases: numbered, frozen data sets. What is frozen the database does not let anybody change."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


FORWARD = """
CREATE FUNCTION labeler_release_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.frozen_at IS NOT NULL AND
       (to_jsonb(NEW) - 'name' - 'card' - 'deleted_at' - 'job_id' - 'created_by_id')
       <> (to_jsonb(OLD) - 'name' - 'card' - 'deleted_at' - 'job_id' - 'created_by_id') THEN
        RAISE EXCEPTION 'a frozen release is never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER release_is_frozen BEFORE UPDATE ON labeler_release
    FOR EACH ROW EXECUTE FUNCTION labeler_release_is_frozen();
"""

BACKWARD = """
DROP TRIGGER release_is_frozen ON labeler_release;
DROP FUNCTION labeler_release_is_frozen();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('labeler', '0033_outside_models'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='job',
            name='kind',
            field=models.CharField(choices=[('import', 'import'), ('export', 'export'), ('prelabel', 'pre-labels'), ('views', 'varied images'), ('look', 'look at the images'), ('judge', 'judgement of an outside model'), ('release', 'release')], max_length=16),
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='counted per project')),
                ('name', models.CharField(blank=True, max_length=200)),
                ('labels', models.CharField(choices=[('consensus', 'the outcome'), ('all', 'every judgement')], default='consensus', max_length=16)),
                ('splits', models.JSONField(help_text='share of each split by name; null: not split', null=True)),
                ('group_by', models.CharField(blank=True, help_text='key of the metadata whose groups stay together', max_length=200)),
                ('seed', models.BigIntegerField(default=0)),
                ('location', models.BooleanField(default=False, help_text='places and personal fields stay in its files')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('frozen_at', models.DateTimeField(null=True)),
                ('manifest', models.JSONField(blank=True, default=dict, help_text='see labeler/releases/manifest.py')),
                ('checksum', models.CharField(blank=True, help_text='SHA-256 of the frozen file', max_length=64)),
                ('n_bytes', models.BigIntegerField(default=0)),
                ('card', models.JSONField(blank=True, default=dict, help_text='answers of the data card, by question')),
                ('deleted_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('job', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='release', to='labeler.job')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='releases', to='labeler.project')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='ReleaseFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('format', models.CharField(max_length=32)),
                ('options', models.CharField(blank=True, max_length=100)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('media_type', models.CharField(blank=True, max_length=100)),
                ('checksum', models.CharField(blank=True, help_text='SHA-256; empty: not there', max_length=64)),
                ('n_bytes', models.BigIntegerField(default=0)),
                ('built_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('job', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='release_file', to='labeler.job')),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='labeler.release')),
            ],
            options={
                'ordering': ['release', 'format', 'options'],
            },
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.UniqueConstraint(fields=('project', 'number'), name='one_release_per_project_and_number'),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('checksum', ''), ('frozen_at', None)), models.Q(('frozen_at__isnull', False), models.Q(('checksum', ''), _negated=True)), _connector='OR'), name='a_frozen_release_has_a_checksum'),
        ),
        migrations.AddConstraint(
            model_name='releasefile',
            constraint=models.UniqueConstraint(fields=('release', 'format', 'options'), name='one_file_per_release_and_format'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
