"""All tables as of migration 44, in one step: it takes a third of the time of the forty migrations that it replaces.

A new database is made by this file. One that has some of the forty applied goes on with the others; where all are
applied, Django counts this one as applied. They may be deleted once no installation lacks any of them. Columns stand in
another order here than the forty leave them in.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import labeler.models.project
from django.conf import settings
from django.db import migrations, models


# Rows about an image that have a project column of their own refer to both as a pair (docs/decisions/0017).
ABOUT_IMAGES = {
    "label": "labels_go_with_their_image",
    "claim": "claims_go_with_their_image",
    "queueentry": "seats_go_with_their_image",
    "sketch": "sketches_go_with_their_image",
    "consensus": "consensus_goes_with_its_image",
    "gold": "gold_goes_with_its_image",
    "plant": "plants_go_with_their_image",
    "thread": "threads_go_with_their_image",
    "acceptance": "acceptances_go_with_their_image",
    "imagecheck": "checks_go_with_their_image",
    "imagefinding": "findings_go_with_their_image",
}
TOGETHER = [
    (
        f"""ALTER TABLE labeler_{table} ADD CONSTRAINT {name} FOREIGN KEY (image_id, project_id)
            REFERENCES labeler_image (id, project_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED""",
        f"ALTER TABLE labeler_{table} DROP CONSTRAINT {name}",
    )
    for table, name in ABOUT_IMAGES.items()
]

# Audit rows never change. Labels are only ever superseded, and follow their image into the trash and back; a project
# that is purged from the trash sets `labeler.purge` for its own transaction.
HISTORY = """
CREATE FUNCTION labeler_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON labeler_auditevent
    FOR EACH ROW EXECUTE FUNCTION labeler_refuse_change();

CREATE FUNCTION labeler_label_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('labeler.purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'labels are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.project_id <> OLD.project_id AND (to_jsonb(NEW) - 'project_id') = (to_jsonb(OLD) - 'project_id') THEN
        RETURN NEW;
    END IF;
    IF OLD.superseded_at IS NOT NULL OR NEW.superseded_at IS NULL
       OR (to_jsonb(NEW) - 'superseded_at') <> (to_jsonb(OLD) - 'superseded_at') THEN
        RAISE EXCEPTION 'a label is only ever superseded, never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER label_history_only_grows BEFORE UPDATE OR DELETE ON labeler_label
    FOR EACH ROW EXECUTE FUNCTION labeler_label_history();
"""

FROZEN = """
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

# With a label its objects go, which is refused where labels are kept.
OBJECTS = """
ALTER TABLE labeler_labelobject ADD CONSTRAINT objects_go_with_their_label FOREIGN KEY (label_id)
    REFERENCES labeler_label (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE labeler_draft ADD CONSTRAINT drafts_go_with_their_claim FOREIGN KEY (claim_id)
    REFERENCES labeler_claim (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
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

# Features beside their key, not squeezed: half of the time of reading. 8160 is the most there is.
FEATURES = "ALTER TABLE labeler_feature ALTER vector SET STORAGE EXTERNAL, SET (toast_tuple_target = 8160)"

# Searching names by a part of them: of 1,000,000 names .6 s without it. A server of one's own may lack the extension,
# or the right to make it; then the search reads all names, and everything else works as ever.
NAMES = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX images_by_name ON labeler_image USING gin (upper(name::text) gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'names are searched without an index: %', SQLERRM;
END $$;
"""

FUNCTIONS_AWAY = """
DROP FUNCTION labeler_refuse_change, labeler_label_history, labeler_release_is_frozen, labeler_object_history CASCADE
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('auth', '__first__'),
    ]

    replaces = [
        ('labeler', '0001_initial'),
        ('labeler', '0002_history_only_grows'),
        ('labeler', '0003_screens'),
        ('labeler', '0004_review_grid'),
        ('labeler', '0005_quality'),
        ('labeler', '0006_asked_in_doubt'),
        ('labeler', '0011_run_answers'),
        ('labeler', '0012_errands'),
        ('labeler', '0013_varied_images'),
        ('labeler', '0014_acceptance'),
        ('labeler', '0015_economy'),
        ('labeler', '0016_prelabel_parts'),
        ('labeler', '0017_look'),
        ('labeler', '0018_near_duplicates'),
        ('labeler', '0019_drift'),
        ('labeler', '0020_cover_first'),
        ('labeler', '0021_prediction_indexes'),
        ('labeler', '0022_accepted_sets'),
        ('labeler', '0023_features_in_place'),
        ('labeler', '0024_compared_by_features'),
        ('labeler', '0025_label_source'),
        ('labeler', '0026_login_failures'),
        ('labeler', '0027_worked_seconds'),
        ('labeler', '0028_exposure'),
        ('labeler', '0029_judged_elsewhere'),
        ('labeler', '0030_figures_without_language'),
        ('labeler', '0031_help_texts_name_packages'),
        ('labeler', '0032_image_trash'),
        ('labeler', '0033_outside_models'),
        ('labeler', '0034_releases'),
        ('labeler', '0035_webhooks'),
        ('labeler', '0036_splits_and_external_ids'),
        ('labeler', '0037_data_checks'),
        ('labeler', '0038_one_reference_to_the_image'),
        ('labeler', '0039_files_of_prepared_pictures'),
        ('labeler', '0040_objects_of_answers'),
        ('labeler', '0041_saved_views_and_least_sure'),
        ('labeler', '0042_clicks'),
        ('labeler', '0043_bucket_objects'),
        ('labeler', '0044_object_verdicts'),
    ]

    operations = [
        migrations.CreateModel(
            name='BucketObject',
            fields=[
                ('sha256', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('bucket', models.CharField(max_length=255)),
                ('key', models.CharField(max_length=1024)),
                ('version', models.CharField(blank=True, help_text='empty: the bucket keeps no versions', max_length=1024)),
                ('etag', models.CharField(help_text='of the object when it was read, without quotes', max_length=255)),
                ('n_bytes', models.BigIntegerField()),
                ('read_at', models.DateTimeField(auto_now=True, help_text='when an import read it last')),
            ],
        ),
        migrations.CreateModel(
            name='LoginFailures',
            fields=[
                ('key', models.CharField(help_text='HMAC-SHA-256 of what is counted', max_length=64, primary_key=True, serialize=False)),
                ('forgotten_at', models.DateTimeField(help_text='when the last try is forgotten: the more there are, the later')),
                ('turn_at', models.DateTimeField(help_text='from then on the next try is judged, whatever the counts say', null=True)),
                ('known_until', models.DateTimeField(help_text='the name has logged in from this address', null=True)),
                ('kept_until', models.DateTimeField(db_index=True, help_text='then the row says nothing any more, and is deleted')),
            ],
            options={
                'verbose_name_plural': 'login failures',
            },
        ),
        migrations.CreateModel(
            name='Feature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(max_length=64)),
                ('backbone', models.CharField(max_length=100)),
                ('vector', models.BinaryField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('backbone', 'sha256'), name='one_feature_per_content_and_backbone')],
            },
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='preference', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('theme', models.CharField(choices=[('auto', 'as my system'), ('light', 'light'), ('dark', 'dark')], default='auto', max_length=8)),
                ('single_keys', models.BooleanField(default=True, help_text='off: no action by one key alone (WCAG 2.1.4)')),
                ('keys', models.JSONField(blank=True, default=dict, help_text='{action: key}, where they differ from the default')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('theme__in', ['auto', 'light', 'dark'])), name='theme_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('task', models.CharField(choices=[('single', 'one class per image'), ('multi', 'any number of classes per image'), ('boxes', 'boxes'), ('polygons', 'polygons'), ('masks', 'masks of objects'), ('semantic', 'a class for each pixel')], default='single', max_length=20)),
                ('question', models.CharField(blank=True, max_length=500)),
                ('description', models.TextField(blank=True)),
                ('guideline', models.TextField(blank=True)),
                ('guideline_version', models.PositiveIntegerField(default=1)),
                ('label_set_version', models.PositiveIntegerField(default=1)),
                ('labels_per_image', models.PositiveSmallIntegerField(default=2, help_text='quota: how many people judge each image', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)])),
                ('blind_share', models.FloatField(default=0.15, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('lease_seconds', models.PositiveIntegerField(default=1800, validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(86400)])),
                ('target_agreement', models.FloatField(default=0.7, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('wanted_images', models.PositiveIntegerField(blank=True, help_text='how many the data set shall have', null=True, validators=[django.core.validators.MinValueValidator(1)])),
                ('variety', models.TextField(blank=True, help_text='in words: what the images shall differ in')),
                ('review_confidence', models.FloatField(default=0.9, help_text='pre-labels from here on come to the review grid', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('planted_share', models.FloatField(default=0.05, help_text='of a review page: images with a known answer under a wrong suggestion', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(0.5)])),
                ('gold_share', models.FloatField(default=0.0, help_text='of what each person is given: images whose answer is known', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(0.5)])),
                ('gold_feedback', models.BooleanField(default=False, help_text='tell people at once what a gold image was')),
                ('repeat_share', models.FloatField(default=0.0, help_text='of what each person is given: images they judged long ago, silently', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(0.2)])),
                ('consensus_method', models.CharField(choices=[('majority', 'majority'), ('one_coin', 'weighted by reliability'), ('dawid_skene', 'weighted by what each person mixes up'), ('with_model', 'people and model')], default='majority', max_length=16)),
                ('adaptive_overlap', models.BooleanField(default=False, help_text='stop where the answers are clear, ask more people where they are not')),
                ('fewest_labels', models.PositiveSmallIntegerField(default=2, validators=[django.core.validators.MinValueValidator(1)])),
                ('most_labels', models.PositiveSmallIntegerField(default=5, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)])),
                ('enough_confidence', models.FloatField(default=0.95, help_text='adaptive overlap: the probability at which nobody else is asked', validators=[django.core.validators.MinValueValidator(0.5), django.core.validators.MaxValueValidator(0.999)])),
                ('ordered', models.CharField(choices=[('none', 'no order'), ('linear', 'ordered, equal steps'), ('quadratic', 'ordered, far misses count more')], default='none', help_text='weights of kappa for ordered classes', max_length=16)),
                ('show_file_names', models.BooleanField(default=False, help_text='a path can give the class away')),
                ('show_prelabels', models.BooleanField(default=True)),
                ('ask_uncertain_first', models.BooleanField(default=True, help_text='off: random order')),
                ('auto_accept', models.BooleanField(default=False)),
                ('accept_precision', models.FloatField(default=0.95, help_text='least share of the accepted that is right', validators=[django.core.validators.MinValueValidator(0.8), django.core.validators.MaxValueValidator(0.99)])),
                ('accept_confidence', models.FloatField(default=0.95, help_text='chance, over random calibration images, that this is true', validators=[django.core.validators.MinValueValidator(0.8), django.core.validators.MaxValueValidator(0.99)])),
                ('accept_per_class', models.BooleanField(default=False, help_text='a threshold of its own for each class with enough calibration images')),
                ('audited_share', models.FloatField(default=0.05, help_text='of the accepted: people judge them all the same, blind', validators=[django.core.validators.MinValueValidator(0.01), django.core.validators.MaxValueValidator(0.5)])),
                ('ask_by_gain', models.BooleanField(default=False, help_text='a new image or one more opinion: whichever makes more labels right')),
                ('goal_right', models.FloatField(default=0.97, help_text='share of labels that shall be right; then nobody is asked any more', validators=[django.core.validators.MinValueValidator(0.5), django.core.validators.MaxValueValidator(0.999)])),
                ('model_fills', models.BooleanField(default=False, help_text="images without a label get the model's answer as consensus, marked as such")),
                ('object_iou', models.FloatField(db_default=0.5, default=0.5, help_text="least intersection over union of two people's drawings of one object", validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(0.95)])),
                ('gold_iou', models.FloatField(db_default=0.5, default=0.5, help_text='least intersection over union with a known object to have found it', validators=[django.core.validators.MinValueValidator(0.05), django.core.validators.MaxValueValidator(0.95)])),
                ('train_automatically', models.BooleanField(default=True)),
                ('training_config', models.JSONField(blank=True, default=dict)),
                ('salt', models.CharField(default=labeler.models.project.new_salt, editable=False, max_length=64)),
                ('version', models.PositiveIntegerField(default=1, editable=False, help_text='raised by every change: the ETag')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('trashed_at', models.DateTimeField(blank=True, null=True)),
                ('trash_of', models.OneToOneField(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='image_trash', to='labeler.project')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('task__in', ['single', 'multi', 'boxes', 'polygons', 'masks', 'semantic'])), name='project_task_is_known'), models.CheckConstraint(condition=models.Q(('trash_of__isnull', True), ('trashed_at__isnull', False), _connector='OR'), name='a_trash_of_images_is_not_live'), models.CheckConstraint(condition=models.Q(('labels_per_image__gte', 1)), name='at_least_one_label_per_image'), models.CheckConstraint(condition=models.Q(('blind_share__gte', 0.0), ('blind_share__lte', 1.0)), name='blind_share_in_0_1'), models.CheckConstraint(condition=models.Q(('gold_share__gte', 0.0), ('gold_share__lte', 0.5), ('repeat_share__gte', 0.0), ('repeat_share__lte', 0.2)), name='at_most_seven_in_ten_are_asked_to_learn_about_the_person'), models.CheckConstraint(condition=models.Q(('fewest_labels__gte', 1), ('most_labels__gte', models.F('fewest_labels'))), name='the_most_labels_are_not_fewer_than_the_fewest'), models.CheckConstraint(condition=models.Q(('gold_iou__gt', 0.0), ('gold_iou__lte', 1.0), ('object_iou__gt', 0.0), ('object_iou__lte', 1.0)), name='iou_of_objects_in_0_1'), models.CheckConstraint(condition=models.Q(('goal_right__gte', 0.5), ('goal_right__lt', 1.0)), name='goal_below_certainty'), models.CheckConstraint(condition=models.Q(('review_confidence__gte', 0.0), ('review_confidence__lte', 1.0)), name='review_confidence_in_0_1'), models.CheckConstraint(condition=models.Q(('planted_share__gte', 0.0), ('planted_share__lte', 0.5)), name='at_most_half_of_a_page_is_planted')],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=16)),
                ('attempt', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('heartbeat_at', models.DateTimeField(null=True)),
                ('worker', models.CharField(blank=True, max_length=200)),
                ('stage', models.CharField(blank=True, help_text='what it is doing, in words', max_length=200)),
                ('progress_done', models.PositiveIntegerField(default=0)),
                ('progress_total', models.PositiveIntegerField(default=0)),
                ('error', models.JSONField(blank=True, help_text='{code, message}', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('worked_seconds', models.FloatField(help_text='with a worker, all attempts together; null: not begun, or not counted yet then', null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='jobs', to='labeler.project')),
                ('kind', models.CharField(choices=[('import', 'import'), ('export', 'export'), ('prelabel', 'pre-labels'), ('views', 'varied images'), ('look', 'look at the images'), ('judge', 'judgement of an outside model'), ('images', 'work on images'), ('release', 'release'), ('checks', 'checks on the data set')], max_length=16)),
                ('params', models.JSONField(blank=True, default=dict)),
                ('result', models.JSONField(blank=True, default=dict)),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('idempotency_key', models.UUIDField(null=True)),
                ('body_hash', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('requested_by', 'idempotency_key'), name='one_job_per_idempotency_key'), models.UniqueConstraint(condition=models.Q(('kind', 'prelabel'), ('state__in', ('queued', 'running'))), fields=('project',), name='one_unfinished_prelabeling_per_project'), models.UniqueConstraint(condition=models.Q(('kind', 'checks'), ('state__in', ('queued', 'running'))), fields=('project',), name='one_unfinished_check_per_project')],
            },
        ),
        migrations.CreateModel(
            name='Image',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='images', to='labeler.project')),
                ('name', models.CharField(help_text='as it came: a file name or a path inside the archive', max_length=500)),
                ('sha256', models.CharField(help_text='of the original bytes: where they lie in the media store', max_length=64)),
                ('extension', models.CharField(max_length=8)),
                ('width', models.PositiveIntegerField(help_text='pixels, upright')),
                ('height', models.PositiveIntegerField(help_text='pixels, upright')),
                ('n_bytes', models.BigIntegerField()),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('slice', models.CharField(blank=True, choices=[('', 'open'), ('test', 'test'), ('calibration', 'calibration'), ('blind', 'blind'), ('apart', 'left out')], default='', max_length=16)),
                ('split', models.CharField(blank=True, choices=[('', 'none'), ('train', 'train'), ('validation', 'validation'), ('test', 'test')], db_default='', default='', help_text='as an import said it', max_length=16)),
                ('external_id', models.CharField(blank=True, db_default='', default='', help_text='what the source calls it, or its address: by this an import knows it again', max_length=500)),
                ('round', models.PositiveSmallIntegerField(default=1, help_text='raised when the image is sent back')),
                ('tally', models.JSONField(blank=True, default=dict)),
                ('n_votes', models.PositiveSmallIntegerField(default=0, help_text='current votes of this round, cannot tell included')),
                ('status', models.CharField(choices=[('unlabeled', 'unlabeled'), ('partly labeled', 'partly labeled'), ('disputed', 'disputed'), ('settled', 'settled')], default='unlabeled', max_length=16)),
                ('has_decision', models.BooleanField(default=False, help_text='a reviewer settled it: kept by labeler/review/adjudication.py')),
                ('disagreement', models.FloatField(default=0.0, help_text='entropy of the votes, 0 to 1')),
                ('disputed_objects', models.PositiveIntegerField(help_text='drawn objects without a majority of the votes; null: classes, or fewer than two votes', null=True)),
                ('job', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='images', to='labeler.job')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('trashed_from', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='trash', to='labeler.project')),
                ('trashed_at', models.DateTimeField(help_text='30 days later it is deleted for good', null=True)),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['project', 'status', 'id'], name='image_by_status'), models.Index(condition=models.Q(('disagreement__gt', 0)), fields=['project', '-disagreement', 'id'], name='image_by_disagreement'), models.Index(condition=models.Q(('slice', ''), _negated=True), fields=['project', 'slice'], name='image_by_slice'), models.Index(fields=['sha256'], name='image_by_content'), models.Index(condition=models.Q(('trashed_at__isnull', False)), fields=['trashed_at'], name='image_by_time_in_trash'), models.Index(condition=models.Q(('job__isnull', False)), fields=['job', 'id'], name='images_of_an_import'), django.contrib.postgres.indexes.GinIndex(fields=['metadata'], name='images_by_metadata', opclasses=['jsonb_path_ops']), models.Index(models.F('project'), django.db.models.expressions.CombinedExpression(models.F('width'), '*', models.F('height')), name='images_by_pixels'), models.Index(condition=models.Q(('trashed_from__isnull', False)), fields=['trashed_from', '-id'], name='images_in_the_trash'), models.Index(condition=models.Q(('split', ''), _negated=True), fields=['project', 'split', 'id'], name='image_by_split')],
                'constraints': [models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('trashed_from', 'project'), models.F('sha256'), name='one_image_per_content_in_project_and_trash'), models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('trashed_from', 'project'), models.F('external_id'), condition=models.Q(('external_id', ''), _negated=True), name='one_image_per_external_id_in_project_and_trash'), models.CheckConstraint(condition=models.Q(models.Q(('trashed_at__isnull', True), ('trashed_from__isnull', True)), models.Q(('trashed_at__isnull', False), ('trashed_from__isnull', False), models.Q(('trashed_from', models.F('project')), _negated=True)), _connector='OR'), name='trashed_from_one_project_at_one_time'), models.CheckConstraint(condition=models.Q(('disagreement__gte', 0.0), ('disagreement__lte', 1.0)), name='disagreement_in_0_1'), models.CheckConstraint(condition=models.Q(('height__gt', 0), ('width__gt', 0)), name='image_has_pixels')],
            },
        ),
        migrations.CreateModel(
            name='Plant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='plants', to='labeler.project')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='plants', to='labeler.image')),
                ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plants', to=settings.AUTH_USER_MODEL)),
                ('client', models.UUIDField(help_text='the page it is on; null: that was left, and it may come again', null=True)),
                ('suggested', models.BigIntegerField(help_text='the wrong category that was shown')),
                ('known', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='what the image is', size=None)),
                ('probability', models.FloatField(help_text='that was shown with it, 0 to 1')),
                ('answered', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='null: not yet; empty: sent back', null=True, size=None)),
                ('caught', models.BooleanField(help_text='true: the suggestion was not confirmed', null=True)),
                ('shown_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('idempotency_keys', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, help_text='of the requests about it: sent again, they do nothing', size=None)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['project', 'reviewer'], name='plants_of_a_reviewer')],
                'constraints': [models.UniqueConstraint(fields=('image', 'reviewer'), name='one_plant_per_image_and_reviewer')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='labeler.project')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('role', models.CharField(choices=[('annotator', 'annotator'), ('reviewer', 'reviewer'), ('lead', 'lead')], default='annotator', max_length=20)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('category_keys', models.JSONField(blank=True, default=dict, help_text="this person's own keys: {category id: key}, where they differ")),
                ('paused_at', models.DateTimeField(help_text='a lead has stopped handing images to this person', null=True)),
                ('frontier_priority', models.FloatField(editable=False, null=True)),
                ('frontier_image', models.BigIntegerField(editable=False, null=True)),
            ],
            options={
                'ordering': ['project', 'user'],
                'constraints': [models.UniqueConstraint(fields=('project', 'user'), name='one_membership_per_person_and_project'), models.CheckConstraint(condition=models.Q(('role__in', ['annotator', 'reviewer', 'lead'])), name='role_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='labeler.project')),
                ('role', models.CharField(choices=[('annotator', 'annotator'), ('reviewer', 'reviewer'), ('lead', 'lead')], default='annotator', max_length=20)),
                ('note', models.CharField(blank=True, help_text='for whom, to recognise it in a list', max_length=100)),
                ('digest', models.CharField(help_text='SHA-256 of the secret in the link', max_length=64, unique=True)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('role__in', ['annotator', 'reviewer', 'lead'])), name='invited_role_is_known')],
            },
        ),
        migrations.CreateModel(
            name='ImageFinding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('code', models.CharField(choices=[('gone', 'file is gone'), ('damaged', 'damaged'), ('near_duplicate', 'near-duplicate'), ('tiny', 'tiny'), ('extreme_aspect', 'very long or very high'), ('blurred', 'blurred'), ('dark', 'dark'), ('overexposed', 'over-exposed'), ('one_colour', 'of one colour'), ('odd_colours', 'colours unlike the others')], max_length=16)),
                ('image', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='findings', to='labeler.image')),
            ],
            options={
                'indexes': [models.Index(fields=['project', 'code', 'image'], name='findings_of_a_project')],
                'constraints': [models.UniqueConstraint(fields=('image', 'code'), name='one_finding_of_a_kind_per_image')],
            },
        ),
        migrations.CreateModel(
            name='GuidelineVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='guideline_versions', to='labeler.project')),
                ('number', models.PositiveIntegerField()),
                ('text', models.TextField(blank=True)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['project', '-number'],
                'constraints': [models.UniqueConstraint(fields=('project', 'number'), name='one_guideline_per_project_and_number')],
            },
        ),
        migrations.CreateModel(
            name='EconomyPoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='economy_points', to='labeler.project')),
                ('judgements', models.PositiveIntegerField(help_text='votes so far, of all images')),
                ('images', models.PositiveIntegerField(help_text='that shall have a label')),
                ('judged', models.PositiveIntegerField(help_text='images with a vote')),
                ('checks', models.PositiveIntegerField(help_text='blind images it was compared with')),
                ('right', models.FloatField(help_text='share of the labels estimated right')),
                ('low', models.FloatField()),
                ('high', models.FloatField()),
                ('claimed', models.FloatField(help_text='by the posterior alone')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('high__lte', 1.0), ('low__gte', 0.0), ('low__lte', models.F('right')), ('right__lte', models.F('high'))), name='the_share_right_lies_in_its_interval')],
            },
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='categories', to='labeler.project')),
                ('name', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True)),
                ('key', models.CharField(blank=True, help_text='the key that chooses it; empty: its position', max_length=1)),
                ('position', models.PositiveIntegerField(default=0)),
                ('colour', models.PositiveSmallIntegerField(default=0, help_text='1 to 6; 0: by its position')),
                ('shape', models.PositiveSmallIntegerField(default=0, help_text='1 to 12; 0: by its position')),
                ('wanted', models.PositiveIntegerField(blank=True, help_text='images of this class, at least', null=True)),
                ('variety', models.TextField(blank=True, help_text='in words: what its images shall differ in')),
                ('smallest', models.FloatField(db_default=0.0, default=0.0, help_text='pixels: the shorter side that an object of this class has at least', validators=[django.core.validators.MinValueValidator(0.0)])),
                ('background', models.BooleanField(db_default=False, default=False, help_text='a class for each pixel: what nobody painted is this one')),
                ('former_names', models.JSONField(blank=True, default=list, help_text='clients may go on using them')),
                ('merged_into', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged_from', to='labeler.category')),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
            ],
            options={
                'verbose_name_plural': 'categories',
                'ordering': ['position', 'id'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), models.F('project'), condition=models.Q(('retired_at__isnull', True)), name='one_category_in_use_per_name'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='category_has_a_name'), models.UniqueConstraint(condition=models.Q(('background', True), ('retired_at__isnull', True)), fields=('project',), name='one_background_per_project'), models.CheckConstraint(condition=models.Q(('smallest__gte', 0.0)), name='smallest_size_not_negative'), models.CheckConstraint(condition=models.Q(('colour__lte', 6), ('shape__lte', 12)), name='marker_exists')],
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('actor', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('actor_name', models.CharField(blank=True, max_length=150)),
                ('project', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='labeler.project')),
                ('action', models.CharField(max_length=100)),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('details', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['project', '-id'], name='audit_of_a_project')],
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='labeler.project')),
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
                'constraints': [models.UniqueConstraint(condition=models.Q(('retired_at__isnull', True)), fields=('project', 'name'), name='one_question_in_use_per_name'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='question_has_a_name')],
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='releases', to='labeler.project')),
                ('number', models.PositiveIntegerField(help_text='counted per project')),
                ('name', models.CharField(blank=True, max_length=200)),
                ('labels', models.CharField(choices=[('consensus', 'the outcome'), ('all', 'every judgement')], default='consensus', max_length=16)),
                ('splits', models.JSONField(help_text='share of each split by name; null: not split', null=True)),
                ('group_by', models.CharField(blank=True, help_text='key of the metadata whose groups stay together', max_length=200)),
                ('seed', models.BigIntegerField(default=0)),
                ('location', models.BooleanField(default=False, help_text='places and personal fields stay in its files')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('job', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='release', to='labeler.job')),
                ('frozen_at', models.DateTimeField(null=True)),
                ('manifest', models.JSONField(blank=True, default=dict, help_text='see labeler/releases/manifest.py')),
                ('checksum', models.CharField(blank=True, help_text='SHA-256 of the frozen file', max_length=64)),
                ('n_bytes', models.BigIntegerField(default=0)),
                ('card', models.JSONField(blank=True, default=dict, help_text='answers of the data card, by question')),
                ('deleted_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.UniqueConstraint(fields=('project', 'number'), name='one_release_per_project_and_number'), models.CheckConstraint(condition=models.Q(models.Q(('checksum', ''), ('frozen_at', None)), models.Q(('frozen_at__isnull', False), models.Q(('checksum', ''), _negated=True)), _connector='OR'), name='a_frozen_release_has_a_checksum')],
            },
        ),
        migrations.CreateModel(
            name='ReleaseFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='labeler.release')),
                ('format', models.CharField(max_length=32)),
                ('options', models.CharField(blank=True, max_length=300)),
                ('job', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='release_file', to='labeler.job')),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('media_type', models.CharField(blank=True, max_length=100)),
                ('checksum', models.CharField(blank=True, help_text='SHA-256; empty: not there', max_length=64)),
                ('n_bytes', models.BigIntegerField(default=0)),
                ('built_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['release', 'format', 'options'],
                'constraints': [models.UniqueConstraint(fields=('release', 'format', 'options'), name='one_file_per_release_and_format')],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to='labeler.project')),
                ('name', models.CharField(max_length=100)),
                ('query', models.CharField(max_length=2000)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('project', 'name'), name='one_saved_view_per_name_of_a_project')],
            },
        ),
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='snapshots', to='labeler.project')),
                ('name', models.CharField(help_text='which report: progress, agreement:blind:random, …', max_length=200)),
                ('value', models.JSONField()),
                ('last_label', models.BigIntegerField(default=0, help_text='newest label id it could see')),
                ('seconds', models.FloatField(default=0.0, help_text='that computing it took')),
                ('computed_at', models.DateTimeField()),
                ('wanted_at', models.DateTimeField(help_text='a page asked for a newer one; null: nobody waits', null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'name'), name='one_snapshot_per_project_and_name')],
            },
        ),
        migrations.CreateModel(
            name='Thread',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='threads', to='labeler.project')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='threads', to='labeler.image')),
                ('raised_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='threads', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(help_text='of the newest comment')),
                ('x', models.FloatField(help_text='pixels of the upright image: the place it is about; null: all of it', null=True)),
                ('y', models.FloatField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('read_at', models.DateTimeField(help_text='when the person who raised it last looked', null=True)),
            ],
            options={
                'ordering': ['-changed_at'],
                'indexes': [models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['project', '-changed_at'], name='open_threads')],
                'constraints': [models.UniqueConstraint(fields=('image', 'raised_by'), name='one_thread_per_image_and_person')],
            },
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('thread', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='labeler.thread')),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to=settings.AUTH_USER_MODEL)),
                ('text', models.CharField(max_length=2000)),
                ('idempotency_key', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='a_comment_says_something'), models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('author', 'idempotency_key'), name='one_comment_per_idempotency_key')],
            },
        ),
        migrations.CreateModel(
            name='Token',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to=settings.AUTH_USER_MODEL)),
                ('name', models.CharField(max_length=100)),
                ('prefix', models.CharField(help_text='first characters, to recognise it in a list', max_length=16)),
                ('digest', models.CharField(help_text='SHA-256 of the whole token', max_length=64, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('read', 'Read'), ('label', 'Label'), ('export', 'Export'), ('manage', 'Manage')], max_length=16), default=list, size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='TrainingRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=16)),
                ('attempt', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('heartbeat_at', models.DateTimeField(null=True)),
                ('worker', models.CharField(blank=True, max_length=200)),
                ('stage', models.CharField(blank=True, help_text='what it is doing, in words', max_length=200)),
                ('progress_done', models.PositiveIntegerField(default=0)),
                ('progress_total', models.PositiveIntegerField(default=0)),
                ('error', models.JSONField(blank=True, help_text='{code, message}', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('worked_seconds', models.FloatField(help_text='with a worker, all attempts together; null: not begun, or not counted yet then', null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='labeler.project')),
                ('number', models.PositiveIntegerField(help_text='version of the model, counted per project')),
                ('requested_by', models.ForeignKey(help_text='null: beat did', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('config', models.JSONField(blank=True, default=dict)),
                ('category_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('category_names', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), default=list, size=None)),
                ('dataset', models.JSONField(blank=True, default=dict, help_text='counts of train, validation, test, calibration')),
                ('last_label', models.BigIntegerField(default=0, help_text='newest label id this run could see')),
                ('n_labels', models.PositiveIntegerField(default=0, help_text='labels in the project when it was requested')),
                ('metrics', models.JSONField(blank=True, default=dict)),
                ('history', models.JSONField(blank=True, default=list, help_text='curves, one entry per epoch or step')),
                ('comparison', models.JSONField(blank=True, default=list, help_text='the candidates and what they scored')),
                ('spent', models.JSONField(blank=True, default=list, help_text='what each attempt took, as last read')),
                ('checkpoint', models.CharField(blank=True, help_text='relative to the models directory', max_length=500)),
                ('checkpoint_sha256', models.CharField(blank=True, max_length=64)),
                ('temperature', models.FloatField(null=True)),
                ('is_calibrated', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=False)),
                ('note', models.TextField(blank=True, help_text='why it was or was not made active')),
                ('device', models.CharField(blank=True, max_length=100)),
                ('outside_name', models.CharField(blank=True, db_default='', default='', help_text="of another program's model; empty: our own", max_length=200)),
                ('outside_version', models.CharField(blank=True, db_default='', default='', max_length=100)),
                ('features', models.CharField(blank=True, help_text='name of the kept features its backbone makes, weights included', max_length=100)),
                ('predicted_done', models.PositiveIntegerField(default=0)),
                ('predicted_total', models.PositiveIntegerField(default=0)),
                ('predicted_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('project',), name='one_unfinished_run_per_project'), models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('project',), name='one_active_model_per_project'), models.UniqueConstraint(fields=('project', 'number'), name='one_run_per_project_and_number'), models.CheckConstraint(condition=models.Q(('is_active', False), ('state', 'done'), _connector='OR'), name='only_a_finished_run_is_active'), models.UniqueConstraint(condition=models.Q(('outside_name', ''), _negated=True), fields=('project', 'outside_name', 'outside_version'), name='one_outside_model_per_project_name_and_version'), models.CheckConstraint(condition=models.Q(('outside_name', ''), ('checkpoint', ''), _connector='OR'), name='an_outside_model_has_no_checkpoint')],
            },
        ),
        migrations.CreateModel(
            name='Prediction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='predictions', to='labeler.trainingrun')),
                ('image', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='predictions', to='labeler.image')),
                ('probabilities', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='what it would answer', size=None)),
                ('probability', models.FloatField(help_text='of that answer; 1, and said to nobody, where margin is null')),
                ('margin', models.FloatField(help_text='0 unsure, 1 sure; null: an outside model gave no probabilities', null=True)),
                ('given', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), null=True, size=None)),
                ('drawn', models.JSONField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'indexes': [models.Index(fields=['run', '-probability', '-image'], include=('categories',), name='predictions_by_confidence'), models.Index(fields=['run', 'margin', 'image'], name='predictions_least_sure_first')],
                'constraints': [models.UniqueConstraint(fields=('image', 'run'), name='one_prediction_per_image_and_run'), models.CheckConstraint(condition=models.Q(('margin__gte', 0.0), ('margin__lte', 1.0), ('probability__gte', 0.0), ('probability__lte', 1.0)), name='probabilities_in_0_1')],
            },
        ),
        migrations.CreateModel(
            name='Label',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='labels', to='labeler.project')),
                ('image', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='labels', to='labeler.image')),
                ('annotator', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='labels', to=settings.AUTH_USER_MODEL)),
                ('round', models.PositiveSmallIntegerField()),
                ('purpose', models.CharField(choices=[('vote', 'vote'), ('gold', 'gold'), ('repeat', 'repeat')], default='vote', max_length=16)),
                ('answer', models.CharField(choices=[('labeled', 'labeled'), ('cannot_tell', 'cannot tell'), ('skip', 'skipped'), ('undone', 'undone')], default='labeled', max_length=16)),
                ('kind', models.CharField(default='classification', max_length=20)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='category ids, ascending', size=None)),
                ('value', models.JSONField(blank=True, help_text="objects: {deleted: numbers of the pre-label's objects that were deleted}", null=True)),
                ('reason', models.CharField(blank=True, max_length=1000)),
                ('shown_prediction', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labeler.prediction')),
                ('informed', models.BooleanField(db_default=False, default=False, help_text="others' answers or the model's were shown before; of an import: it does not say that none were")),
                ('source_import', models.ForeignKey(null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='labeler.job')),
                ('chosen_by', models.CharField(choices=[('random', 'random'), ('uncertainty', 'uncertainty'), ('cover', 'covers the data'), ('audit', 'audit'), ('doubt', 'doubt'), ('gain', 'gain'), ('gold', 'gold'), ('repeat', 'repeat'), ('review', 'review'), ('lead', 'put first by a lead'), ('elsewhere', 'judged elsewhere')], default='random', max_length=16)),
                ('seconds', models.FloatField(help_text='from the image painted to the answer', null=True)),
                ('guideline_version', models.PositiveIntegerField()),
                ('label_set_version', models.PositiveIntegerField()),
                ('extra', models.BooleanField(default=False, help_text="came late, when the image's quota was full")),
                ('idempotency_key', models.UUIDField(null=True)),
                ('body_hash', models.CharField(blank=True, help_text='of the request that the key belongs to', max_length=64)),
                ('supersedes', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='superseded_by', to='labeler.label')),
                ('created_at', models.DateTimeField()),
                ('superseded_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('superseded_at__isnull', True)), fields=['project', 'image', 'annotator'], include=('categories', 'answer', 'round', 'shown_prediction', 'informed', 'chosen_by'), name='current_labels_by_image'), models.Index(fields=['project', '-id'], name='labels_newest_first'), django.contrib.postgres.indexes.GinIndex(condition=models.Q(('superseded_at__isnull', True)), fields=['categories'], name='current_labels_by_class'), models.Index(fields=['annotator', 'project', '-id'], name='labels_of_a_person')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('superseded_at__isnull', True)), fields=('image', 'annotator', 'round', 'purpose'), name='one_current_label_per_annotator_image_and_round'), models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('annotator', 'idempotency_key'), name='one_label_per_idempotency_key'), models.CheckConstraint(condition=models.Q(('answer__in', ['labeled', 'cannot_tell', 'skip', 'undone'])), name='answer_is_known'), models.CheckConstraint(condition=models.Q(('answer', 'labeled'), ('categories__len', 0), _connector='OR'), name='only_a_label_names_categories'), models.CheckConstraint(condition=models.Q(('seconds__isnull', True), ('seconds__gte', 0), _connector='OR'), name='seconds_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Guarantee',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='guarantees', to='labeler.project')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='guarantees', to='labeler.trainingrun')),
                ('precision', models.FloatField(help_text='least share of the accepted that is right')),
                ('confidence', models.FloatField(help_text='chance, over random calibration images, that this is true')),
                ('per_class', models.BooleanField(default=False)),
                ('audited_share', models.FloatField(help_text='of the accepted: judged by people all the same, blind')),
                ('thresholds', models.JSONField(default=dict)),
                ('coverage', models.JSONField(default=dict)),
                ('accepted', models.PositiveIntegerField(default=0, help_text='images it has accepted in its time, audited ones too')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('done_at', models.DateTimeField(help_text='all images were looked at once; null: a worker is at it', null=True)),
                ('suspended_at', models.DateTimeField(null=True)),
                ('suspension', models.CharField(blank=True, choices=[('breach', 'people found too many wrong ones'), ('by_hand', 'a lead stopped it')], max_length=16)),
                ('suspended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ending', models.CharField(blank=True, choices=[('off', 'it was switched off'), ('model', 'another model is in use'), ('settings', 'something else is promised now'), ('classes', 'there are classes that the model does not know'), ('resumed', 'a lead let it begin anew')], max_length=16)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('project',), name='one_guarantee_in_force_per_project'), models.CheckConstraint(condition=models.Q(('confidence__gte', 0.5), ('confidence__lt', 1.0), ('precision__gte', 0.5), ('precision__lt', 1.0)), name='a_promise_is_between_half_and_all'), models.CheckConstraint(condition=models.Q(('audited_share__gt', 0.0), ('audited_share__lte', 0.5)), name='some_of_the_accepted_are_audited')],
            },
        ),
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('image', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='labeler.image')),
                ('annotator', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to=settings.AUTH_USER_MODEL)),
                ('round', models.PositiveSmallIntegerField()),
                ('state', models.CharField(choices=[('open', 'open'), ('answered', 'answered'), ('skipped', 'skipped'), ('expired', 'expired'), ('released', 'released'), ('sent_back', 'sent back to labeling')], default='open', max_length=16)),
                ('holds_seat', models.BooleanField(default=True)),
                ('client', models.UUIDField(help_text='the tab that asked', null=True)),
                ('chosen_by', models.CharField(choices=[('random', 'random'), ('uncertainty', 'uncertainty'), ('cover', 'covers the data'), ('audit', 'audit'), ('doubt', 'doubt'), ('gain', 'gain'), ('gold', 'gold'), ('repeat', 'repeat'), ('review', 'review'), ('lead', 'put first by a lead'), ('elsewhere', 'judged elsewhere')], default='random', max_length=16)),
                ('purpose', models.CharField(choices=[('vote', 'vote'), ('gold', 'gold'), ('repeat', 'repeat')], default='vote', max_length=16)),
                ('shown_prediction', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labeler.prediction')),
                ('claimed_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['annotator', 'project'], name='open_claims_of_a_person'), models.Index(condition=models.Q(('state', 'open')), fields=['project', 'expires_at'], name='claims_by_expiry')],
                'constraints': [models.UniqueConstraint(fields=('image', 'annotator', 'round', 'purpose'), name='one_claim_per_annotator_image_round_and_purpose'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'answered', 'skipped', 'expired', 'released', 'sent_back'])), name='claim_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('skipped', 'expired', 'released', 'sent_back')), _negated=True), ('holds_seat', False), _connector='OR'), name='a_claim_given_back_holds_no_seat'), models.CheckConstraint(condition=models.Q(('purpose', 'vote'), ('holds_seat', False), _connector='OR'), name='only_a_vote_holds_a_seat')],
            },
        ),
        migrations.CreateModel(
            name='Acceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('guarantee', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='acceptances', to='labeler.guarantee')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('image', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='acceptances', to='labeler.image')),
                ('prediction', models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='labeler.prediction')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='what stands: category ids, ascending', size=None)),
                ('probability', models.FloatField()),
                ('threshold', models.FloatField()),
                ('is_audited', models.BooleanField(default=False)),
                ('is_right', models.BooleanField(help_text='audited and settled: whether people said the same', null=True)),
                ('judged_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('withdrawn_why', models.CharField(blank=True, choices=[('people', 'people said what it is'), ('gold', 'it was made gold'), ('asked', 'a reviewer wants people to look'), ('class', 'its class is not used any more'), ('breach', 'people found too many wrong ones'), ('ended', 'its guarantee ended')], max_length=16)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('is_audited', False), ('withdrawn_at__isnull', True)), fields=['project', '-image'], name='accepted_images_newest_first'), models.Index(condition=models.Q(('is_audited', True)), fields=['guarantee'], name='audited_images'), models.Index(condition=models.Q(('withdrawn_at__isnull', True)), fields=['guarantee'], name='acceptances_in_force')],
                'constraints': [models.UniqueConstraint(fields=('image', 'guarantee'), name='one_acceptance_per_image_and_guarantee'), models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('image',), name='one_acceptance_in_force_per_image'), models.CheckConstraint(condition=models.Q(('probability__gte', 0.0), ('probability__lte', 1.0), ('threshold__lte', models.F('probability'))), name='accepted_from_the_threshold_on')],
            },
        ),
        migrations.CreateModel(
            name='RunAnswers',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='answers', to='labeler.trainingrun')),
                ('part', models.CharField(choices=[('test', 'test images'), ('crossed', 'training images, each judged by a model that had not seen it'), ('stop', 'a fixed random sample of unlabeled images')], max_length=16)),
                ('image_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('answers', models.JSONField(default=list, help_text='of each image the classes it would answer')),
                ('probabilities', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, help_text='of each answer', size=None)),
                ('truth', models.JSONField(help_text='what people had settled on by then; null where nobody had looked', null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('run', 'part'), name='one_row_of_answers_per_run_and_part')],
            },
        ),
        migrations.CreateModel(
            name='ObjectVerdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='object_verdicts', to='labeler.image')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='object_verdicts', to='labeler.trainingrun')),
                ('model', models.PositiveIntegerField(help_text="the run's number: it is known when the run is gone")),
                ('number', models.PositiveIntegerField(help_text="of the object in that model's prediction for the image")),
                ('category', models.BigIntegerField(help_text='the class that the model gave it')),
                ('box', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), help_text='x, y, width, height in px, also of polygons and masks', size=4)),
                ('probability', models.FloatField(help_text='as it was shown; null: an outside model gave none', null=True)),
                ('verdict', models.CharField(choices=[('keep', 'it is one'), ('wrong', 'it is none')], max_length=8)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='of the present answer')),
            ],
            options={
                'indexes': [models.Index(fields=['run', 'image', 'number'], name='verdicts_of_a_run')],
                'constraints': [models.UniqueConstraint(fields=('project', 'model', 'image', 'number', 'person'), name='one_verdict_per_person_and_object'), models.CheckConstraint(condition=models.Q(('verdict__in', ['keep', 'wrong'])), name='a_verdict_is_keep_or_wrong')],
            },
        ),
        migrations.CreateModel(
            name='Errand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=16)),
                ('attempt', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('heartbeat_at', models.DateTimeField(null=True)),
                ('worker', models.CharField(blank=True, max_length=200)),
                ('stage', models.CharField(blank=True, help_text='what it is doing, in words', max_length=200)),
                ('progress_done', models.PositiveIntegerField(default=0)),
                ('progress_total', models.PositiveIntegerField(default=0)),
                ('error', models.JSONField(blank=True, help_text='{code, message}', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('worked_seconds', models.FloatField(help_text='with a worker, all attempts together; null: not begun, or not counted yet then', null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='errands', to='labeler.project')),
                ('kind', models.CharField(choices=[('predict', 'prediction'), ('explain', 'explanation'), ('convert', 'ONNX file'), ('try', 'prediction with reasons'), ('click', 'pixels at a click')], max_length=16)),
                ('run', models.ForeignKey(help_text='the model that answers; a prediction: the one in use when a worker takes it', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='errands', to='labeler.trainingrun')),
                ('image', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='errands', to='labeler.image')),
                ('category', models.BigIntegerField(default=0, help_text="explain: of this class; 0: of the model's own answer")),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('asked', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, help_text='click: where; predict, try: the size of what was sent; px')),
                ('picture', models.BinaryField(help_text='predict, try: a thumbnail or preview of what was sent, until it is answered', null=True)),
                ('answer', models.JSONField(blank=True, default=dict)),
                ('drawing', models.BinaryField(help_text='explain, try: a PNG to lay over the image', null=True)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['state', 'created_at'], name='errands_by_state_and_age')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'explain')), fields=('run', 'image', 'category'), name='one_explanation_per_model_image_and_class'), models.UniqueConstraint(condition=models.Q(('kind', 'convert')), fields=('run',), name='one_conversion_per_model')],
            },
        ),
        migrations.CreateModel(
            name='Drift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drifts', to='labeler.trainingrun')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drifts', to='labeler.project')),
                ('job', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.job')),
                ('day', models.DateField(help_text='when its images came in; of single uploads, which have no import: all of the day')),
                ('name', models.CharField(blank=True, help_text='of the file that was imported; empty: uploads', max_length=500)),
                ('figures', models.JSONField(default=dict, help_text='see labeler/training/drift.py')),
                ('created_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['project', '-id'], name='drifts_of_a_project')],
                'constraints': [models.UniqueConstraint(fields=('run', 'job', 'day'), name='one_look_per_model_and_import', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='labeler.project')),
                ('url', models.CharField(max_length=2000)),
                ('salt', models.CharField(max_length=64)),
                ('digest', models.CharField(help_text="SHA-256 of the secret: says which of the server's keys made it", max_length=64)),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('import.finished', 'an import has ended'), ('import.failed', 'an import has failed'), ('run.finished', 'a training has ended'), ('run.failed', 'a training has failed'), ('model.activated', 'another model is in use'), ('release.ready', 'a release is frozen'), ('export.ready', 'a file to download is ready'), ('images.deleted', 'images were deleted')], max_length=32), default=list, size=None)),
                ('active', models.BooleanField(default=True, help_text='off: it is told nothing, and not later either')),
                ('listens_since', models.DateTimeField()),
                ('failures', models.PositiveIntegerField(default=0, help_text='tries in a row that failed')),
                ('paused_at', models.DateTimeField(help_text='too many failed: messages wait until somebody resumes it', null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('webhook', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='labeler.webhook')),
                ('event', models.CharField(max_length=32)),
                ('subject', models.CharField(max_length=64)),
                ('payload', models.JSONField(default=dict, help_text="what is said of it: the message's `data`")),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('delivered', 'delivered'), ('failed', 'given up')], default='waiting', max_length=16)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_at', models.DateTimeField(help_text='when it is tried next; while it is tried: when others may')),
                ('status_code', models.PositiveSmallIntegerField(help_text='of the last answer', null=True)),
                ('error', models.CharField(blank=True, help_text='why the last try failed, as a sentence', max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('delivered_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['webhook', '-id'], name='deliveries_of_a_webhook'), models.Index(condition=models.Q(('state', 'waiting')), fields=['next_at'], name='deliveries_that_are_waiting')],
                'constraints': [models.UniqueConstraint(fields=('webhook', 'event', 'subject'), name='one_delivery_per_webhook_and_event')],
            },
        ),
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('claim', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='draft', serialize=False, to='labeler.claim')),
                ('drawn', models.JSONField(default=list, help_text='as the screen keeps them; unfinished ones are open')),
                ('revision', models.PositiveIntegerField(default=1, help_text='raised by each save')),
                ('saved_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['saved_at'], name='drafts_by_age')],
            },
        ),
        migrations.CreateModel(
            name='Consensus',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='consensus', serialize=False, to='labeler.image')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
                ('confidence', models.FloatField(help_text='share of the votes, or probability; null for a decision', null=True)),
                ('is_tie', models.BooleanField(default=False)),
                ('method', models.CharField(help_text='majority, decision, one_coin, …', max_length=32)),
                ('n_votes', models.PositiveSmallIntegerField()),
                ('votes', models.CharField(blank=True, max_length=16)),
                ('version', models.PositiveIntegerField(default=1)),
                ('computed_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'consensus',
                'indexes': [models.Index(fields=['project', 'image'], name='consensus_by_project'), django.contrib.postgres.indexes.GinIndex(fields=['categories'], name='consensus_by_class')],
                'constraints': [models.CheckConstraint(condition=models.Q(('confidence__isnull', True), models.Q(('confidence__gte', 0.0), ('confidence__lte', 1.0)), _connector='OR'), name='confidence_in_0_1')],
            },
        ),
        migrations.CreateModel(
            name='Gold',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='gold', serialize=False, to='labeler.image')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='gold', to='labeler.project')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('drawn', models.JSONField(help_text='[{category, box | polygon | mask}]; null: not drawn', null=True)),
                ('explanation', models.CharField(blank=True, help_text='shown with the feedback, when it is on', max_length=500)),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('retired_at', models.DateTimeField(help_text='no longer handed out; answers to it keep their score', null=True)),
            ],
            options={
                'verbose_name_plural': 'gold',
                'ordering': ['-created_at'],
                'indexes': [models.Index(condition=models.Q(('retired_at__isnull', True)), fields=['project', 'image'], name='gold_in_use')],
            },
        ),
        migrations.CreateModel(
            name='ImageCheck',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='check_row', serialize=False, to='labeler.image')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('brightness', models.FloatField(null=True)),
                ('contrast', models.FloatField(null=True)),
                ('darkest', models.FloatField(null=True)),
                ('lightest', models.FloatField(null=True)),
                ('red_green', models.FloatField(null=True)),
                ('yellow_blue', models.FloatField(null=True)),
                ('saturation', models.FloatField(null=True)),
                ('blur', models.FloatField(help_text='0 sharp, 1 blurred; null: nothing in it could be sharp', null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['project', 'image'], name='checked_images_of_a_project')],
            },
        ),
        migrations.CreateModel(
            name='QueueEntry',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='entry', serialize=False, to='labeler.image')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('round', models.PositiveSmallIntegerField(default=1, help_text="as the image's: here too, so that a claim reads one table")),
                ('seats', models.PositiveSmallIntegerField()),
                ('seats_left', models.PositiveSmallIntegerField()),
                ('priority', models.FloatField(default=0.0, help_text='0 to 1, highest first')),
                ('chosen_by', models.CharField(choices=[('random', 'random'), ('uncertainty', 'uncertainty'), ('cover', 'covers the data'), ('audit', 'audit'), ('doubt', 'doubt'), ('gain', 'gain'), ('gold', 'gold'), ('repeat', 'repeat'), ('review', 'review'), ('lead', 'put first by a lead'), ('elsewhere', 'judged elsewhere')], default='random', max_length=16)),
                ('accepted', models.BooleanField(db_default=False, default=False, help_text="a model's answer stands for it: nobody is asked")),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('accepted', False), ('seats_left__gt', 0)), fields=['project', '-priority', '-image'], name='queue_order_of_open_seats')],
                'constraints': [models.CheckConstraint(condition=models.Q(('seats_left__lte', models.F('seats'))), name='no_more_seats_left_than_seats')],
            },
        ),
        migrations.CreateModel(
            name='Sketch',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='sketch', serialize=False, to='labeler.image')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('look', models.BigIntegerField(help_text='64 bits that few changes of the file turn over')),
                ('pixels', models.BinaryField(help_text='16 x 16 pixels, RGB')),
                ('group', models.BigIntegerField()),
                ('compared', models.BooleanField(default=False, help_text='was held against the images whose features are like its')),
            ],
            options={
                'indexes': [models.Index(fields=['project', 'image'], include=('look',), name='looks_of_a_project'), models.Index(condition=models.Q(('compared', False)), fields=['project', 'image'], name='sketches_to_compare'), models.Index(fields=['project', 'group'], name='groups_of_a_project')],
            },
        ),
        migrations.CreateModel(
            name='CategoryExample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='examples', to='labeler.category')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.image')),
                ('caption', models.CharField(blank=True, help_text='typical, mild, …', max_length=100)),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['category', 'id'],
                'constraints': [models.UniqueConstraint(fields=('category', 'image'), name='one_example_per_category_and_image')],
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='decisions', to='labeler.image')),
                ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to=settings.AUTH_USER_MODEL)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('undecidable', models.BooleanField(default=False, help_text='the image does not say: settled without an answer, and left out of data sets')),
                ('drawn', models.JSONField(help_text='[{category, box | polygon | mask}]; null: not drawn', null=True)),
                ('reason', models.TextField(blank=True)),
                ('round', models.PositiveSmallIntegerField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('withdrawn_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('image',), name='one_standing_decision_per_image'), models.CheckConstraint(condition=models.Q(('undecidable', False), ('categories__len', 0), _connector='OR'), name='what_is_undecidable_names_no_category')],
            },
        ),
        migrations.CreateModel(
            name='Exposure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('image', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.image')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('round', models.PositiveSmallIntegerField(help_text='of the image, when it was shown')),
                ('shown_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='for the first time')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('image', 'user', 'round'), name='one_exposure_per_person_image_and_round')],
            },
        ),
        migrations.CreateModel(
            name='LabelObject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='drawn', to='labeler.label')),
                ('number', models.PositiveSmallIntegerField(help_text='from 1 in the order drawn; stays within the answer')),
                ('category', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labeler.category')),
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
                'constraints': [models.UniqueConstraint(fields=('label', 'number'), name='one_object_per_label_and_number'), models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='objects_are_numbered_from_1'), models.CheckConstraint(condition=models.Q(('area__gt', 0), ('height__gt', 0), ('width__gt', 0)), name='an_object_has_an_area'), models.CheckConstraint(condition=models.Q(models.Q(('iou__isnull', True), ('origin__isnull', True)), models.Q(('iou__isnull', False), ('origin__isnull', False)), _connector='OR'), name='iou_with_an_origin')],
            },
        ),
        migrations.CreateModel(
            name='Part',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=16)),
                ('attempt', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('heartbeat_at', models.DateTimeField(null=True)),
                ('worker', models.CharField(blank=True, max_length=200)),
                ('stage', models.CharField(blank=True, help_text='what it is doing, in words', max_length=200)),
                ('progress_done', models.PositiveIntegerField(default=0)),
                ('progress_total', models.PositiveIntegerField(default=0)),
                ('error', models.JSONField(blank=True, help_text='{code, message}', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('worked_seconds', models.FloatField(help_text='with a worker, all attempts together; null: not begun, or not counted yet then', null=True)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='labeler.job')),
                ('number', models.PositiveIntegerField(help_text='from 0, in the order in which people are asked')),
                ('images', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='ids', size=None)),
                ('unreadable', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['job', 'number'],
                'constraints': [models.UniqueConstraint(fields=('job', 'number'), name='parts_are_numbered')],
            },
        ),
        # At once, not at the end of this file, for the pairs below refer to it.
        migrations.AddConstraint(
            model_name='image',
            constraint=models.UniqueConstraint(fields=('id', 'project'), name='image_and_its_project'),
        ),
        # On the way back functions take their triggers along, and everything else goes with its table.
        migrations.RunSQL(migrations.RunSQL.noop, FUNCTIONS_AWAY),
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in (HISTORY, FEATURES, FROZEN, OBJECTS, NAMES)),
        *(migrations.RunSQL(forward, backward) for forward, backward in TOGETHER),
    ]
