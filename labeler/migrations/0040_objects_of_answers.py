"""Drawn objects: rows of an answer, never changed, deleted with it only; questions about them; drafts."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


FORWARD = """
ALTER TABLE labeler_labelobject ADD CONSTRAINT objects_go_with_their_label FOREIGN KEY (label_id)
    REFERENCES labeler_label (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE labeler_draft ADD CONSTRAINT drafts_go_with_their_claim FOREIGN KEY (claim_id)
    REFERENCES labeler_claim (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
-- As labels: with a label they go, which is refused where labels are kept.
CREATE FUNCTION labeler_object_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('labeler.purge', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'objects of labels are never changed or deleted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER objects_only_grow BEFORE UPDATE OR DELETE ON labeler_labelobject
    FOR EACH ROW EXECUTE FUNCTION labeler_object_history();
"""
BACKWARD = """
DROP TRIGGER objects_only_grow ON labeler_labelobject;
DROP FUNCTION labeler_object_history();
ALTER TABLE labeler_draft DROP CONSTRAINT drafts_go_with_their_claim;
ALTER TABLE labeler_labelobject DROP CONSTRAINT objects_go_with_their_label;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('labeler', '0039_files_of_prepared_pictures'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('claim', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='draft', serialize=False, to='labeler.claim')),
                ('drawn', models.JSONField(default=list, help_text='as the screen keeps them; unfinished ones are open')),
                ('revision', models.PositiveIntegerField(default=1, help_text='raised by each save')),
                ('saved_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='LabelObject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(help_text='from 1 in the order drawn; stays within the answer')),
                ('shape', models.JSONField(help_text='as drawn, clipped to the image')),
                ('x', models.FloatField()),
                ('y', models.FloatField()),
                ('width', models.FloatField()),
                ('height', models.FloatField()),
                ('area', models.FloatField()),
                ('attributes', models.JSONField(default=dict, help_text='answers by the name of the question')),
                ('origin', models.PositiveSmallIntegerField(help_text='its number in the pre-label', null=True)),
                ('change', models.CharField(blank=True, choices=[('kept', 'kept'), ('moved', 'moved'), ('class', 'another class'), ('drawn', 'drawn by hand')], max_length=8)),
                ('iou', models.FloatField(help_text='with its origin, 0 to 1', null=True)),
            ],
            options={
                'ordering': ['label', 'number'],
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('kind', models.CharField(choices=[('one', 'one of several'), ('several', 'any of several'), ('yes_no', 'yes or no'), ('number', 'a number'), ('text', 'a short text')], max_length=8)),
                ('about', models.CharField(choices=[('object', 'each object')], default='object', max_length=8)),
                ('options', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None)),
                ('required', models.BooleanField(default=False)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, help_text='empty: all classes', size=None)),
                ('position', models.PositiveIntegerField(default=0)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['position', 'id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='project',
            name='project_task_is_known',
        ),
        migrations.AddField(
            model_name='category',
            name='background',
            field=models.BooleanField(db_default=False, default=False, help_text='a class for each pixel: what nobody painted is this one'),
        ),
        migrations.AddField(
            model_name='category',
            name='smallest',
            field=models.FloatField(db_default=0.0, default=0.0, help_text='pixels: the shorter side that an object of this class has at least', validators=[django.core.validators.MinValueValidator(0.0)]),
        ),
        migrations.AddField(
            model_name='decision',
            name='drawn',
            field=models.JSONField(help_text='[{category, box | polygon | mask}]; null: not drawn', null=True),
        ),
        migrations.AddField(
            model_name='gold',
            name='drawn',
            field=models.JSONField(help_text='[{category, box | polygon | mask}]; null: not drawn', null=True),
        ),
        migrations.AddField(
            model_name='image',
            name='disputed_objects',
            field=models.PositiveIntegerField(help_text='drawn objects without a majority of the votes; null: classes, or fewer than two votes', null=True),
        ),
        migrations.AddField(
            model_name='prediction',
            name='drawn',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='project',
            name='gold_iou',
            field=models.FloatField(db_default=0.5, default=0.5, help_text='least intersection over union with a known object to have found it', validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(0.95)]),
        ),
        migrations.AddField(
            model_name='project',
            name='object_iou',
            field=models.FloatField(db_default=0.5, default=0.5, help_text="least intersection over union of two people's drawings of one object", validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(0.95)]),
        ),
        migrations.AddField(
            model_name='thread',
            name='x',
            field=models.FloatField(help_text='pixels of the upright image: the place it is about; null: all of it', null=True),
        ),
        migrations.AddField(
            model_name='thread',
            name='y',
            field=models.FloatField(null=True),
        ),
        migrations.AlterField(
            model_name='label',
            name='value',
            field=models.JSONField(blank=True, help_text="objects: {deleted: numbers of the pre-label's objects that were deleted}", null=True),
        ),
        migrations.AlterField(
            model_name='project',
            name='task',
            field=models.CharField(choices=[('single', 'one class per image'), ('multi', 'any number of classes per image'), ('boxes', 'boxes'), ('polygons', 'polygons'), ('masks', 'masks of objects'), ('semantic', 'a class for each pixel')], default='single', max_length=20),
        ),
        migrations.AddConstraint(
            model_name='category',
            constraint=models.UniqueConstraint(condition=models.Q(('background', True), ('retired_at__isnull', True)), fields=('project',), name='one_background_per_project'),
        ),
        migrations.AddConstraint(
            model_name='category',
            constraint=models.CheckConstraint(condition=models.Q(('smallest__gte', 0.0)), name='smallest_size_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('task__in', ['single', 'multi', 'boxes', 'polygons', 'masks', 'semantic'])), name='project_task_is_known'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('gold_iou__gt', 0.0), ('gold_iou__lte', 1.0), ('object_iou__gt', 0.0), ('object_iou__lte', 1.0)), name='iou_of_objects_in_0_1'),
        ),
        migrations.AddIndex(
            model_name='draft',
            index=models.Index(fields=['saved_at'], name='drafts_by_age'),
        ),
        migrations.AddField(
            model_name='labelobject',
            name='category',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labeler.category'),
        ),
        migrations.AddField(
            model_name='labelobject',
            name='label',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='drawn', to='labeler.label'),
        ),
        migrations.AddField(
            model_name='question',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='labeler.project'),
        ),
        migrations.AddConstraint(
            model_name='labelobject',
            constraint=models.UniqueConstraint(fields=('label', 'number'), name='one_object_per_label_and_number'),
        ),
        migrations.AddConstraint(
            model_name='labelobject',
            constraint=models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='objects_are_numbered_from_1'),
        ),
        migrations.AddConstraint(
            model_name='labelobject',
            constraint=models.CheckConstraint(condition=models.Q(('area__gt', 0), ('height__gt', 0), ('width__gt', 0)), name='an_object_has_an_area'),
        ),
        migrations.AddConstraint(
            model_name='labelobject',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('iou__isnull', True), ('origin__isnull', True)), models.Q(('iou__isnull', False), ('origin__isnull', False)), _connector='OR'), name='iou_with_an_origin'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.UniqueConstraint(condition=models.Q(('retired_at__isnull', True)), fields=('project', 'name'), name='one_question_in_use_per_name'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='question_has_a_name'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
