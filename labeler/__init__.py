"""Labeler: several people label images, and a model learns from them while they work.

The Django project and its only app. Directly in it: settings, urls, wsgi, apps, errors (what can go wrong, in words
of the domain) and access (who may do what). Everything else is in packages; the opening of each says its one job, its
verbs and the tables it writes. Who may import whom is in pyproject.toml (import-linter) and docs/architecture.md.
"""

__version__ = "0.1.0"
