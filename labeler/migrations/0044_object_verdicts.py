"""What people say of single objects that a model predicted."""
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('labeler', '0043_bucket_objects'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ObjectVerdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model', models.PositiveIntegerField(help_text="the run's number: it is known when the run is gone")),
                ('number', models.PositiveIntegerField(help_text="of the object in that model's prediction for the image")),
                ('category', models.BigIntegerField(help_text='the class that the model gave it')),
                ('box', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), help_text='x, y, width, height in px, also of polygons and masks', size=4)),
                ('probability', models.FloatField(help_text='as it was shown; null: an outside model gave none', null=True)),
                ('verdict', models.CharField(choices=[('keep', 'it is one'), ('wrong', 'it is none')], max_length=8)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='of the present answer')),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='object_verdicts', to='labeler.image')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='labeler.project')),
                ('run', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='object_verdicts', to='labeler.trainingrun')),
            ],
            options={
                'indexes': [models.Index(fields=['run', 'image', 'number'], name='verdicts_of_a_run')],
                'constraints': [models.UniqueConstraint(fields=('project', 'model', 'image', 'number', 'person'), name='one_verdict_per_person_and_object'), models.CheckConstraint(condition=models.Q(('verdict__in', ['keep', 'wrong'])), name='a_verdict_is_keep_or_wrong')],
            },
        ),
    ]
