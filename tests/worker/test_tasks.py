"""Workers are told functions by their paths: each of them is there, in the queue that its task is sent to."""

import inspect

import pytest
from django.utils.module_loading import import_string

from labeler.jobs import dispatch
from worker.__main__ import WORK
from worker.celery import app
from worker.tasks import ON_ROWS


@pytest.mark.parametrize("path", sorted({*WORK.values(), *(function for *_, function in ON_ROWS)}))
def test_what_a_row_is_handed_to_takes_its_id_and_the_name_of_the_worker(path):
    inspect.signature(import_string(path), follow_wrapped=False).bind(1, worker="gpu@here")


@pytest.mark.parametrize("task", sorted(dispatch.QUEUES))
def test_a_task_is_registered_for_the_queue_that_it_is_sent_to(task):
    assert app.tasks[task].queue == dispatch.QUEUES[task]
