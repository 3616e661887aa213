"""What gunicorn serves."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeler.settings")
application = get_wsgi_application()
# All views are imported now, once for all processes, and not by the first person's first click (1.2 s).
import_module(settings.ROOT_URLCONF)
# What is loaded by now stays until the process ends. Frozen, it is passed over by garbage collection, which else looks
# at all of it amid a request: 80 to 140 ms each time, once or twice in a save of 3,000 polygons; 10 ms since. Forked
# processes keep sharing its pages, too.
gc.collect()
gc.freeze()
