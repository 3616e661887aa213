"""What gunicorn serves."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeler.settings")
application = get_wsgi_application()
# All views are imported now, once for all processes, and not by the first person's first click (1.2 s).
import_module(settings.ROOT_URLCONF)
