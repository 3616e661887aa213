"""Buckets: those that an administrator named are copied, by prefix, once."""

import pytest

from labeler.errors import NotPossibleNow
from labeler.intake import bucket
from labeler.jobs import jobs
from labeler.models import Image, Job, Label
from tests.helpers.buckets import bucket_server
from tests.helpers.importing import bring_in, pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings, tmp_path, monkeypatch):
    with bucket_server(settings, tmp_path, monkeypatch) as made:
        yield made


def test_objects_below_a_prefix_are_copied_once(client, project, lena, monkeypatch):
    files = {"set/train/cat/1.jpg": "a", "set/val/dog/2.jpg": "b", "other/3.jpg": "c", "set/train/cat/bad.jpg": "d"}
    for key, content in zip(files, pictures(*files.values()).values(), strict=True):
        client.put_object(Bucket="leaves", Key=key, Body=b"broken" if "bad" in key else content)
    result = bring_in(project, lena, None, format="s3", url="s3://leaves/set/")
    assert (result["added"], result["labels_added"], len(result["refused"])) == (2, 2, 1)
    assert result["format"] == "imagefolder" and Label.objects.count() == 2
    assert Image.objects.get(split="validation").external_id == "s3://leaves/set/val/dog/2.jpg"
    read, real = [], bucket.BucketTree._read
    monkeypatch.setattr(bucket.BucketTree, "_read", lambda self, *place: read.append(place[0]) or real(self, *place))
    looked = Job.objects.get(pk=bring_in(project, lena, None, format="s3", url="s3://leaves/set/", dry_run=True)["job"])
    assert jobs.is_waiting_for_answers(looked) and read.count("set/train/cat/bad.jpg") == 1
    read.clear()
    again = bring_in(project, lena, None, job=jobs.confirm(looked, by=lena, params={}))
    looked.refresh_from_db()
    assert not jobs.is_waiting_for_answers(looked)
    assert (again["added"], again["duplicates"], read) == (0, 2, ["set/train/cat/bad.jpg"])


@pytest.mark.parametrize(("url", "sentence"), [
    ("s3://secrets/", "not open for imports"), ("https://leaves/", "named like s3://"), ("s3://", "named like s3://"),
    ("s3://gone/", "cannot be listed"),
])  # fmt: skip
def test_other_buckets_are_refused(client, project, lena, url, sentence):
    with pytest.raises(NotPossibleNow, match=sentence):
        bring_in(project, lena, None, format="s3", url=url)
