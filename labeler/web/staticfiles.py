"""Static files as they are sent: with their hash in the name, ES modules included, without our comments and indents.

Comments are for who reads the source. They were a third of the labeling screen's bytes, and there is no bundler that
would leave them out.
"""

from __future__ import annotations

import re
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

OURS = ("js/", "css/")  # what others wrote keeps its notices
# Only what cannot be anything else: comments that have lines to themselves, and those behind code in which no quote and
# no slash could have begun a text, an address or a pattern. No style sheet of ours has a comment's signs in a text.
_BLOCK = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*\n", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^[ \t]*//.*\n", re.MULTILINE)
_BEHIND = re.compile(r"""^([^"'`/\n]*[^"'`/\s])[ \t]+//[ \t].*$""", re.MULTILINE)
_IN_STYLES = re.compile(r"[ \t]*/\*.*?\*/", re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


def without_comments(name: str, source: str) -> str:
    """The source of a module or a style sheet without comments and indentation, which are a tenth of the rest."""
    source = _BLOCK.sub("", source)
    source = _BEHIND.sub(r"\1", _LINE.sub("", source)) if name.endswith(".js") else _IN_STYLES.sub("", source)
    # In a text over several lines the spaces would be part of the text.
    has_long_text = any(line.count("`") % 2 for line in source.splitlines())
    return source if has_long_text else _INDENT.sub("", source)


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also rewrites `import … from "./x.js";` in modules.

    Only imports that end in a semicolon are rewritten (Django's pattern); one without it would
    silently load the unhashed file. tests/web/test_static_files.py looks at the built files.
    """

    support_js_module_import_aggregation = True

    def _save(self, name: str, content: Any) -> str:
        """As collectstatic copies a file in; its hash is made of what is saved here."""
        if name.startswith(OURS) and name.endswith((".js", ".css")):
            content.seek(0)  # its hash may have been made just now
            content = ContentFile(without_comments(name, content.read().decode()).encode())
        return super()._save(name, content)
