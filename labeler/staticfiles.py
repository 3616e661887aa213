"""Static files with their hash in the name, ES modules included: they may be cached for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also rewrites `import … from "./x.js";` in modules.

    Only imports that end in a semicolon are rewritten (Django's pattern); one without it would
    silently load the unhashed file. tests/test_static_files.py looks at the built files.
    """

    support_js_module_import_aggregation = True
