"""Methods and definitions in words, each with its source: what stands at the end of a report on agreement.

Knows sentences and which of them a project needs. The formulas are in docs/agreement.md, the code in labeler/stats.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from labeler.models import Project
from labeler.models.project import ConsensusMethod, Ordered
from labeler.stats.intervals import REPLICATES, SEED
from labeler.stats.results import FEW_IMAGES


@dataclass(frozen=True, slots=True)
class Method:
    """One definition."""

    title: str
    text: str
    source: str = ""


def methods_used(project: Project) -> list[Method]:
    """What the figures of a project's report need."""
    if project.draws:
        return [*_labels(), *_of_drawn(), *_intervals(), *_quality()]
    return [*_labels(), *_figures(project), *_intervals(), *_quality(), *_consensus(project)]


def _labels() -> list[Method]:
    return [
        Method(
            _("Which labels count"),
            _(
                "The present answer of each person to each image, of the image's present round. Answers that their "
                "author changed or took back, answers before an image was sent back, answers to gold images and "
                "repeated images, and reviewers' decisions do not count. Cannot tell and skipped are missing values: "
                "the pair is not compared on that image."
            ),
        ),
        Method(
            _("Blind labels on randomly chosen images"),
            _(
                "Blind: no suggestion of a model was shown before the answer. Randomly chosen: neither a model nor a "
                "rule picked the image. People who see a suggestion agree more because they agree with the suggestion, "
                "and images picked for their difficulty do not describe the project."
            ),
        ),
    ]


def _figures(project: Project) -> list[Method]:
    found = [
        Method(
            _("Observed agreement"),
            _("Over images with two or more labels: the share of pairs of people who gave equal answers, per image."),
        ),
        Method(
            _("Krippendorff's alpha"),
            _(
                "One minus observed over expected disagreement; it takes any number of people and missing labels. 1 is "
                "perfect, 0 is what the shares of the classes give by chance. Several classes per image are compared "
                "by MASI distance."
            )
            if project.is_multi
            else _(
                "One minus observed over expected disagreement; it takes any number of people and missing labels. 1 is "
                "perfect, 0 is what the shares of the classes give by chance."
            ),
            "Krippendorff 2011; Passonneau 2006 (MASI)" if project.is_multi else "Krippendorff 2011",
        ),
        Method(
            _("Cohen's kappa of two people"),
            _("Agreement beyond what the two people's own shares of the classes give by chance."),
            "Cohen 1960",
        ),
        Method(
            _("Light's kappa"),
            _("The mean of the kappas of all pairs for which one is defined."),
            "Light 1971",
        ),
        Method(
            _("Kappa of a class"),
            _("Agreement on the question: this class, or another one? Over all pairs of people."),
            "Conger 1980",
        ),
        Method(
            _("AC1, and PABAK of the pairs"),
            _(
                "Agreement beyond a chance that does not grow when one class dominates: AC1 from the spread of the "
                "classes, PABAK as if all classes were equally frequent. They stand beside kappa where one class holds "
                "most labels, because kappa is low there even when people agree."
            ),
            "Gwet 2008; Byrt, Bishop and Carlin 1993",
        ),
    ]
    if not project.is_multi:
        found.insert(3, Method(_("Fleiss' kappa"), _("For equally many labels on every image."), "Fleiss 1971"))
    if project.ordered != Ordered.NONE:
        found.append(
            Method(
                _("Ordered classes"),
                _(
                    "Near misses count less: kappa with linear or quadratic weights of the distance, alpha with "
                    "ordinal or interval distance, by the order of the classes below."
                ),
                "Cohen 1968; Krippendorff 2011",
            )
        )
    return found


def _of_drawn() -> list[Method]:
    """Where people draw objects."""
    return [
        Method(
            _("Which objects are the same"),
            _(
                "Per image, pairs of objects of different people by falling IoU (intersection over union), those below "
                "the threshold left out, whatever their class. A pair starts a cluster, or joins the cluster of the "
                "other whose person is not in it, or joins two clusters without a person in common. Boxes are compared "
                "as rectangles, polygons and masks by pixels."
            ),
            "Tschirschwitz and others 2022; arXiv 2603.27197",
        ),
        Method(
            _("Krippendorff's alpha of objects"),
            _(
                "Of a table per image, people by clusters: the class that a person drew there, or nothing. Who skipped "
                "the image is not in it; where everybody drew nothing it is one column of nothing. Nominal alpha, "
                "nothing being a class of its own. 1 is perfect, 0 is chance."
            ),
            "Krippendorff 2011; Tschirschwitz and others 2022",
        ),
        Method(_("Alpha without a person"), _("The same, clusters formed anew without that person's objects.")),
        Method(
            _("Distance alpha"),
            _(
                "One minus the mean distance of two answers to one image, over that of answers to different images. "
                "The distance of two answers is 1 less the mean, over both, of each object's best IoU in the other."
            ),
            "Braylan, Alonso and Lease 2022",
        ),
        Method(
            _("F1, mean IoU, same class and PQ of two people"),
            _(
                "Objects matched one to one by falling IoU from the threshold on, whatever their class. F1: twice the "
                "matched over all objects of both. PQ: F1 times mean IoU. Not corrected for chance."
            ),
            "Kirillov and others 2019 (PQ)",
        ),
        Method(
            _("Second-annotator AP"),
            _(
                "One person scored as if a model, the other being the truth, and the other way round: COCO's average "
                "precision with equal scores, matches of the same class. The ceiling for the AP of a model."
            ),
            "Lin and others 2014; Gupta and others 2019",
        ),
        Method(
            _("What differs"),
            _(
                "Each answer against the object nearest to the others of each place where most people drew; of two "
                "people, against the other. Missed and extra: no match. Shifted: about the same size, IoU below .7. "
                "Too large and too small: the same centre, areas beyond a factor of 1.25."
            ),
        ),
    ]


def _intervals() -> list[Method]:
    words = {"replicates": f"{REPLICATES:,}", "seed": SEED, "few": FEW_IMAGES}
    return [
        Method(
            _("Intervals"),
            _(
                "95 %% intervals over images: other images, the same people. Kappa of a pair: standard error of "
                "Fleiss, Cohen and Everitt on Fisher's z scale, for small or one-sided tables from the smoothed table. "
                "Alpha, Fleiss and observed agreement: bootstrap of %(replicates)s resamples of images, seed %(seed)s, "
                "or its linear limit for many images. Light and classes: delta method by image. Shares: Wilson. "
                "Differences: MOVER. Fewer than %(few)s shared images are marked."
            )
            % words,
            "Fleiss, Cohen and Everitt 1969; Efron 1982; Wilson 1927; Zou and Donner 2008",
        ),
        Method(
            _("Undefined figures"),
            _(
                "A figure that cannot be computed is a dash with its reason, never 0 or 1: no image has two labels, or "
                "everybody always chose one class."
            ),
        ),
    ]


def _quality() -> list[Method]:
    return [
        Method(
            _("Anchoring"),
            _(
                "Of images where the suggestion was seen and of images judged without it: how often the answer equals "
                "what the model suggests. Copied: (seen - unseen) / (1 - unseen), the share of answers that would have "
                "been another one."
            ),
        ),
        Method(
            _("Gold, repeats and planted suggestions"),
            _(
                "Gold: images with a known answer, mixed in unannounced. Repeats: images that the same person is asked "
                "again, unannounced. Planted: known images shown under a wrong suggestion. Each is the share right, "
                "equal or caught, with Wilson's interval; none of these answers is a vote."
            ),
            "Wilson 1927",
        ),
    ]


def _consensus(project: Project) -> list[Method]:
    texts = {
        ConsensusMethod.MAJORITY: (
            _("The class with most votes; a tie names nothing."), "",
        ),
        ConsensusMethod.ONE_COIN: (
            _("Votes weighed by each person's estimated accuracy, one number per person, with a Beta prior."),
            "Dawid and Skene 1979, one-coin form",
        ),
        ConsensusMethod.DAWID_SKENE: (
            _(
                "Votes weighed by each person's estimated confusion of the classes, for people with enough labels; by "
                "one accuracy for the others."
            ),
            "Dawid and Skene 1979",
        ),
        ConsensusMethod.WITH_MODEL: (
            _(
                "Votes weighed by each person's estimated accuracy, with the calibrated model as one more voter where "
                "all votes were blind; its opinion comes from a model that was not trained on the image."
            ),
            "Goh, Tkachenko and Mueller 2022 (CROWDLAB)",
        ),
    }  # fmt: skip
    text, source = texts[ConsensusMethod(project.consensus_method)]
    found = [
        Method(
            _("Consensus: %(method)s") % {"method": ConsensusMethod(project.consensus_method).label},
            _("%(text)s A reviewer's decision stands above it.") % {"text": text},
            source,
        )
    ]
    if project.adaptive_overlap:
        found.append(
            Method(
                _("Adaptive overlap"),
                _(
                    "Every image gets at least %(fewest)s labels; one whose most probable class stays below %(enough)s "
                    "%% gets more, up to %(most)s. Images with many labels are then the hard ones, so agreement is "
                    "taken from randomly chosen images alone."
                )
                % {
                    "fewest": project.fewest_labels,
                    "most": project.most_labels,
                    "enough": f"{100 * project.enough_confidence:g}",
                },
            )
        )
    if project.ask_by_gain:
        found.append(
            Method(
                _("Asked where one more answer gains most"),
                _(
                    "The expected number of labels that one more answer makes right, from the posterior of people and "
                    "model, orders the queue; at most %(most)s labels per image. Images with many labels are then the "
                    "hard ones, so agreement is taken from randomly chosen images alone."
                )
                % {"most": project.most_labels},
                "Raiffa and Schlaifer 1961",
            )
        )
    return found
