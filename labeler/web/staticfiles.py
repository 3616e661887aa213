"""Static files as they are sent: with their hash in the name, ES modules included, without our comments and indents.

Comments are for who reads the source. They are a third of the labeling screen's bytes, and there is no bundler that
would leave them out. rjsmin and rcssmin take out comments and white space and change no name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from rcssmin import cssmin
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

OURS = ("js/", "css/")  # what others wrote keeps its notices
BUNDLES = ("admin/js/", "drf_spectacular_sidecar/")  # of others; name no other file


def minified(name: str, source: str) -> str:
    """The source of a module or a style sheet without comments and white space that nobody reads."""
    return jsmin(source) if name.endswith(".js") else cssmin(source)


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also rewrites `import … from "./x.js";` in modules.

    Only imports that end in a semicolon are rewritten (Django's pattern); one without it would
    silently load the unhashed file. tests/web/test_static_files.py looks at the built files.
    """

    support_js_module_import_aggregation = True
    # A name is final one pass after those it imports: the drawing board hangs from the labeling page 13 modules deep.
    max_post_process_passes = 25

    def post_process(self, paths: Any, dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Hash what was copied, not its source: there comments name modules too, and some name each other."""
        copied = {name: (self, name) if name.startswith(OURS) else source for name, source in paths.items()}
        yield from super().post_process(copied, dry_run, **options)

    def _post_process(self, paths: Any, adjustable_paths: Any, hashed_files: Any) -> Iterator[Any]:
        """Bundles get their name once: looking through 3 MB of them in each pass took a third of the time."""
        read = [name for name in adjustable_paths if not name.startswith(BUNDLES)]
        left = {name: path for name, path in paths.items() if name in read or name not in hashed_files}
        yield from super()._post_process(left, read, hashed_files)

    def _save(self, name: str, content: Any) -> str:
        """As collectstatic copies a file in; its hash is made of what is saved here."""
        if name.startswith(OURS) and name.endswith((".js", ".css")):
            content.seek(0)  # its hash may have been made just now
            content = ContentFile(minified(name, content.read().decode()).encode())
        return super()._save(name, content)
