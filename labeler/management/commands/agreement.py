"""`agreement`: how far the people of a project agree, for a terminal or as the JSON of the REST report."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from labeler.agreement import reports
from labeler.labeling import label_arrays
from labeler.management.base import DataCommand
from labeler.wording.sentences import in_words


class Command(DataCommand):
    help = "Print Krippendorff's alpha, Cohen's kappa of every pair, and what they mean."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="NAME", help="a project's name or number")
        parser.add_argument(
            "--labels",
            choices=label_arrays.LABELS,
            default="blind",
            help="given without, with, or regardless of a pre-label",
        )
        parser.add_argument(
            "--sample",
            choices=label_arrays.SAMPLES,
            help="images chosen at random, or all (default: random; all with --labels all)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = self.project(options["project"])
        report = in_words(
            reports.agreement(project, label_arrays.Selection.with_default_sample(options["labels"], options["sample"]))
        )
        self.result(report, "\n".join(_lines(report)))


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [
        f"{report['n_labels']:,} {report['labels']} labels on {report['n_images']:,} images, "
        f"{report['n_shared_images']:,} of them labeled by two or more people",
        f"Krippendorff's alpha  {_figure(report['alpha'])}",
        f"observed agreement    {_figure(report['observed'])}",
    ]
    if report["pairs"]:
        width = max(len(f"{pair['a']} and {pair['b']}") for pair in report["pairs"])
        lines += ["", "Cohen's kappa"]
        lines += [f"  {pair['a'] + ' and ' + pair['b']:<{width}}  {_figure(pair['kappa'])}" for pair in report["pairs"]]
    return lines + ([""] if report["notes"] else []) + report["notes"]


def _figure(stat: dict[str, Any]) -> str:
    if stat["value"] is None:
        return f"undefined: {stat['reason']} (n = {stat['n']:,})"
    interval = "" if stat["low"] is None else f" [{stat['low']:.3f}, {stat['high']:.3f}]"
    caution = f" ({stat['reason']})" if stat["reason"] else ""
    return f"{stat['value']:.3f}{interval} n = {stat['n']:,}{caution}"
