"""The admin site: every table, to look things up and to mend. Where history is kept it can only be read.

Django finds the tables of an app here. The site itself, and its door, is accounts/admin_site.py's.
"""

from labeler.admin import data_sets, people, projects, tables, training  # noqa: F401
