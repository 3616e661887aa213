"""Static files as they are served: every name with its hash, in the modules' imports too."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command

from labeler.pages.label import drawing, labeling
from labeler.web.staticfiles import BUNDLES, minified

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
IMPORT = re.compile(r"""(?:from|import)\s*\(?["'](\.{1,2}/[^"']+)["']""")
AT_ONCE = re.compile(r"""(?:from|import)\s*["'](\.{1,2}/[^"']+)["']""")  # not import("…"), which comes later
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The directory that `collectstatic` fills, with our own files only."""
    from django.test import override_settings

    target = tmp_path_factory.mktemp("static")
    with override_settings(
        STATIC_ROOT=target, STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"]
    ):
        call_command("collectstatic", verbosity=0, interactive=False)
    return target


def test_every_import_of_a_built_module_names_a_hashed_file_that_exists(built):
    seen = 0
    for name in json.loads((built / "staticfiles.json").read_text())["paths"].values():
        if not name.endswith(".js"):
            continue
        file = built / name
        for wanted in IMPORT.findall(_without_comments(file.read_text())):
            seen += 1
            # An import without a semicolon keeps the plain name: caches would serve an old module.
            assert HASHED.search(wanted), f"{name} imports {wanted}"
            assert (file.parent / wanted).is_file(), f"{name} imports {wanted}, which is not there"
    assert seen > 20


def _without_comments(source: str) -> str:
    """JSDoc names modules too: import("./types.js"). Nobody loads those."""
    return re.sub(r"/\*.*?\*/|^\s*//.*?$", "", source, flags=re.DOTALL | re.MULTILINE)


def test_scripts_and_sheets_of_others_that_are_not_looked_through_name_no_other_file():
    """But source maps, which only whoever debugs them asks for, and which lie beside them under their plain names."""
    seen = 0
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            if name.startswith(BUNDLES) and name.endswith((".js", ".css")):
                text = re.sub(r"sourceMappingURL=\S+", "", storage.open(name).read().decode())
                assert not re.search(r"""(?:from|import)\s*\(?["']\.{0,2}/""", text), name
                assert set(re.findall(r"""url\(["']?([\w#.]+:?)""", text)) <= {"data:"} or name.endswith(".js"), name
                seen += 1
    assert seen > 30


def test_built_files_carry_no_comments_of_ours(built):
    for folder, ending in (("js", "js"), ("css", "css")):
        for source in (STATIC / folder).rglob(f"*.{ending}"):
            text = (built / source.relative_to(STATIC)).read_text()
            code = re.sub(r'"[^"]*"', "", text)  # an address is no comment
            assert text and not re.search(r"/\*|^\s*//", code, re.MULTILINE), source.name


def test_only_comments_and_white_space_are_left_out():
    source = (
        "// About this module.\n/**\n * @param {string} url\n */\nfunction f(url) {\n  // why\n"
        '  return "https://x" + url; // an address\n}\n'
        "const slashes = (text) => text.split(/[/\"'`]/);\n"
        "const a = n / 2 // half\nconst b = a / 3;\n"
        "const list = [...f(`<b>${a + 1}  // text /* text */</b>`)];\n"
    )
    assert minified("js/a.js", source) == (
        'function f(url){return"https://x"+url;}\n'
        "const slashes=(text)=>text.split(/[/\"'`]/);const a=n/2\nconst b=a/3;"
        "const list=[...f(`<b>${a + 1}  // text /* text */</b>`)];"
    )
    assert minified("js/b.js", "const a = `x\n  // y`;\n") == "const a=`x\n  // y`;"  # its spaces are text
    sheet = '/* a */\na::after {\n  content: "/* b */"; } /* c */\nb { width: calc(1px + 2px); }\n'
    assert minified("css/a.css", sheet) == 'a::after{content:"/* b */"}b{width:calc(1px + 2px)}'


def test_no_template_literal_stands_inside_another():
    """The minifier takes the inner one for code: it would lose its spaces, and all behind two slashes."""
    for source in (STATIC / "js").rglob("*.js"):
        assert not re.search(r"`[^`]*\$\{[^}`]*`", _without_comments(source.read_text())), source.name


def test_what_others_wrote_keeps_its_notices(built):
    for source in (STATIC / "vendor").rglob("*.js"):
        assert (built / source.relative_to(STATIC)).read_text() == source.read_text()


def test_the_labeling_page_names_every_module_that_its_script_will_load():
    """One that is missing costs a round trip before the first image; one too many is fetched for nothing."""
    loaded = _loaded_by("label/page")
    assert set(labeling.MODULES) == loaded
    assert set(drawing.MODULES) == (_loaded_by("label/drawn/drawing") | {"label/drawn/drawing"}) - loaded


def _loaded_by(module: str) -> set[str]:
    """Every module that comes at once with this one."""
    loaded: set[str] = set()
    waiting = [module]
    while waiting:
        module = waiting.pop()
        source = _without_comments((STATIC / "js" / f"{module}.js").read_text())
        for wanted in AT_ONCE.findall(source):
            path = ((STATIC / "js" / module).parent / wanted).resolve().relative_to(STATIC.resolve() / "js")
            name = path.with_suffix("").as_posix()
            if name not in loaded:
                loaded.add(name)
                waiting.append(name)
    return loaded


@pytest.mark.django_db
@pytest.mark.parametrize(("task", "most"), [("single", 60_000), ("masks", 150_000)])
def test_the_labeling_page_weighs_little(built, client, settings, project, ann, task, most):
    """HTML, style sheets and every module they name, each as gzip sends it; images apart. Drawing is not for all."""
    project.task = task
    settings.STATIC_ROOT = built
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "labeler.web.staticfiles.HashedStaticFiles"}}
    project.guideline = "Look at the **ears** first.\n\n" * 5
    project.save()
    client.force_login(ann)
    html = client.get(f"/projects/{project.pk}/label/").content
    waiting = set(re.findall(r'(?:href|src)="/static/([^"]+\.(?:css|js))"', html.decode()))
    sizes: dict[str, int] = {}
    while waiting:
        name = waiting.pop()
        text = (built / name).read_text()
        sizes[name] = len(gzip.compress(text.encode()))
        found = AT_ONCE.findall(_without_comments(text)) if name.endswith(".js") else []
        waiting |= {(built / name).parent.joinpath(path).resolve().relative_to(built).as_posix() for path in found}
        waiting -= set(sizes)
    total = sum(sizes.values()) + len(gzip.compress(html))

    print(f"labeling page: {total:,} bytes gzip, {len(sizes)} files, HTML {len(gzip.compress(html)):,}")
    assert ("js/draw/" in " ".join(sizes)) == (task == "masks")
    assert 20_000 < total < most, sorted(sizes.items(), key=lambda item: -item[1])


def test_templates_carry_no_inline_style_script_or_handler():
    """The content security policy would silently drop them."""
    inline = re.compile(r"""\sstyle\s*=|\son[a-z]+\s*=\s*["']|<style|javascript:""", re.IGNORECASE)
    for template in (ROOT / "templates").rglob("*.html"):
        if template.name == "card_file.html":
            continue  # a file to keep and to print: it is sent as an attachment and has to hold its own style
        text = template.read_text()
        assert not inline.search(text), f"{template.relative_to(ROOT)}: {inline.search(text)[0]!r}"
        for tag in re.findall(r"<script[^>]*>", text):
            assert "nonce=" in tag, f"{template.relative_to(ROOT)}: {tag}"
            assert "src=" in tag, f"{template.relative_to(ROOT)}: {tag}"


def test_nothing_is_fetched_from_elsewhere():
    for file in [*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), *(ROOT / "templates").rglob("*.html")]:
        addresses = set(re.findall(r"https?://[^\s\"')]+", file.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, f"{file.relative_to(ROOT)}: {addresses}"
