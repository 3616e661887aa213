"""Sentences for the codes that figures carry, and the words of charts, in the reader's language.

Whoever computes a figure gives a code with its numbers (labeler/stats/results.py, Reason), and reports that are kept
hold them as {"code": ..., numbers}. Pages, documents and endpoints say it here, at the end. Knows codes and words, not
where a figure comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from labeler.charts import Words
from labeler.stats.results import Reason

Numbers = Mapping[str, Any]


def sentence(told: Reason | Mapping[str, Any] | str | None) -> str:
    """The words for a code with its numbers; "" for none. A text is kept: rows of before codes hold sentences."""
    if isinstance(told, Reason):
        told = told.as_dict()
    if not told:
        return ""
    if isinstance(told, str):
        return told
    words = SENTENCES[told["code"]]
    return words(told) if callable(words) else words % dict(told)


def in_words(report: Any) -> Any:
    """A report with a sentence for every code in it; a new value, the given one is left as it is."""
    if isinstance(report, dict):
        if report.get("code") in SENTENCES:
            return sentence(report)
        return {key: in_words(value) if isinstance(value, dict | list) else value for key, value in report.items()}
    if isinstance(report, list):
        return [in_words(value) if isinstance(value, dict | list) else value for value in report]
    return report


def _written(words: Any, **how: Callable[[Any], Any]) -> Callable[[Numbers], str]:
    """Words whose numbers are written as `how` says, the others as they are; a plural goes by `number`, that is n."""

    def said(numbers: Numbers) -> str:
        written = {name: write(numbers[name]) for name, write in how.items()}
        text: str = words % {"number": numbers.get("n"), **numbers, **written}
        return text

    return said


def _counted(words: Any, **how: Callable[[Any], Any]) -> Callable[[Numbers], str]:
    """As _written, and n with its thousands separated."""
    return _written(words, n="{:,}".format, **how)


def _hundredfold(share: float) -> float:
    return 100 * share


def _points(gain: float) -> str:
    return f"{100 * gain:+.1f}".replace("-", "\N{MINUS SIGN}")


def _whole_points(gain: float) -> str:
    return f"{100 * gain:.0f}"


def _named(class_name: str) -> str:
    return f"“{class_name}”" if class_name else _("One class")


# A sentence, into which the numbers go as they are, or who makes it of them.
SENTENCES: dict[str, Any] = {
    "all_chose_the_same": _counted(
        ngettext_lazy(
            "On %(n)s image everyone chose the same: whether people agree beyond chance cannot be told until a "
            "second class occurs.",
            "On %(n)s images everyone chose the same: whether people agree beyond chance cannot be told until "
            "a second class occurs.",
            "number",
        )
    ),
    "all_chose_this_class": gettext_lazy("everyone always chose this class"),
    "all_say_it_unseen": gettext_lazy("unseen, everybody says what the model says"),
    "annotator": gettext_lazy("Annotator %(n)s"),
    "answers_not_timed": gettext_lazy("it was not measured how long answers took"),
    "beyond_four_years": gettext_lazy("at this pace it takes more than four years"),
    "boxes_have_no_outline": gettext_lazy("boxes have no outline: this figure is for polygons and masks"),
    "chosen_by_doubt": gettext_lazy(
        "Those seen were chosen by the model's doubt, those unseen at random: the true difference may be larger."
    ),
    "curve_needs_images": gettext_lazy("a learning curve needs %(n)d answered images"),
    "curve_needs_time": gettext_lazy(
        "a learning curve needs more than %(seconds)d seconds here: raise the time limit of a run"
    ),
    "curve_went_wrong": gettext_lazy("the learning curve could not be made: its training failed, or memory was short"),
    "economy_of_classes_only": gettext_lazy(
        "how much of the labels is right is estimated for classes of images; where people draw, read agreement and gold"
    ),
    "few_images_of_two_people": _counted(
        ngettext_lazy(
            "Only %(n)s image has labels of two people: read the intervals, not the values.",
            "Only %(n)s images have labels of two people: read the intervals, not the values.",
            "number",
        )
    ),
    "few_looked_at": gettext_lazy("few labels were looked at, the clearest doubts first: read the interval"),
    "fleiss_of_one_class": gettext_lazy("Fleiss' kappa is for one class per image; read alpha"),
    "fleiss_of_unequal_numbers": gettext_lazy(
        "images have between %(fewest)s and %(most)s labels: Fleiss' kappa needs equally many, "
        "read Krippendorff's alpha"
    ),
    "gain_expected": _written(
        gettext_lazy("%(n)d labels in all are expected to bring %(gain)s points (%(low)s to %(high)s)"),
        gain=_points,
        low=_points,
        high=_points,
    ),
    "gain_of_images": _counted(
        gettext_lazy(
            "%(n)s answered images in all are expected to bring %(gain)s points of %(figure)s (%(low)s to %(high)s)"
        ),
        gain=_points,
        low=_points,
        high=_points,
    ),
    "images_for_points": _counted(
        ngettext_lazy(
            "%(points)s points of %(figure)s more take about %(n)s more image",
            "%(points)s points of %(figure)s more take about %(n)s more images",
            "number",
        ),
        points=_whole_points,
    ),
    "images_left_out": _counted(
        ngettext_lazy(
            "There are more objects than can be compared: %(n)s image is left out, drawn by lot.",
            "There are more objects than can be compared: %(n)s images are left out, drawn by lot.",
            "number",
        )
    ),
    "models_settled": gettext_lazy(
        "the last %(models)d models say the same of images nobody has labeled: more labels change little"
    ),
    "more_images_not_worth_it": _counted(
        gettext_lazy(
            "%(n)s answered images in all would bring less than %(worth).1f points of %(figure)s: more are not worth "
            "asking for"
        ),
        worth=_hundredfold,
    ),
    "more_images_wanted": _written(
        gettext_lazy("Have %(more)s more random images judged by two people to bring the interval to ±%(width).2f."),
        more="{:,}".format,
    ),
    "more_not_worth_it": _written(
        gettext_lazy("%(n)d labels in all would bring less than %(worth).1f points: more are not worth asking for"),
        worth=_hundredfold,
    ),
    "narrow_already": gettext_lazy("The interval is as narrow as ±%(width).2f already."),
    "no_audited_image": gettext_lazy("no audited image is settled yet"),
    "no_blind_images": gettext_lazy("no blind image can be compared yet"),
    "no_earlier_model": gettext_lazy("there is no earlier model to compare with"),
    "no_image_left_of_both": gettext_lazy("no image is left that both have judged"),
    "no_image_of_both": gettext_lazy("no image was judged by both"),
    "no_image_of_two_people": gettext_lazy("No image has labels of two people yet, so agreement cannot be measured."),
    "no_images": gettext_lazy("there are no images"),
    "no_images_with_two_classes": gettext_lazy("there are no images with two classes to choose from yet"),
    "no_interval_of_both": gettext_lazy("no interval of one of the two"),
    "no_interval_to_plan_from": gettext_lazy("no interval yet: a plan needs one to start from"),
    "no_matched_objects": gettext_lazy("no object of one matches one of the other"),
    "no_labels": gettext_lazy("no labels yet"),
    "no_labels_of_one_side": gettext_lazy("one side has no labels yet"),
    "no_labels_yet": gettext_lazy("There are no labels yet."),
    "nothing_found": gettext_lazy("the model shows no object"),
    "no_object_to_find": gettext_lazy("the answers hold no such object to find"),
    "no_shared_images": gettext_lazy("no image has labels of two people"),
    "no_spread": gettext_lazy("too few or one-sided labels: no interval can be estimated"),
    "no_threshold_reached": gettext_lazy("no threshold is reached by enough calibration images"),
    "not_for_objects": gettext_lazy("this figure is for classes of whole images; where people draw, read alpha"),
    "nobody_chose_this_class": gettext_lazy("nobody chose this class"),
    "nothing_accepted": gettext_lazy("nothing is accepted"),
    "nothing_looked_at": gettext_lazy("no doubted label was looked at yet"),
    "nothing_drawn": gettext_lazy("neither drew anything"),
    "nothing_made_lately": gettext_lazy("nothing was made during the last days"),
    "nothing_repeated": gettext_lazy("no image was given to this person twice"),
    "nothing_shared": gettext_lazy("no shared images"),
    "one_class_dominates": _written(
        gettext_lazy(
            "%(name)s holds %(share)s of the labels, so chance alone would give %(chance)s equal labels. People agree "
            "on %(observed)s, yet alpha is %(alpha)s: it is decided by the few other images. Read PABAK and AC1 of the "
            "pairs beside kappa."
        ),
        name=_named,
        share="{:.0%}".format,
        chance="{:.0%}".format,
        observed="{:.0%}".format,
        alpha="{:.2f}".format,
    ),
    "one_class_only": gettext_lazy("everyone always chose the same class: agreement beyond chance is undefined"),
    "one_image_only": gettext_lazy("there are answers to one image only"),
    "one_kind_drawn": _counted(
        ngettext_lazy(
            "On %(n)s image everybody drew objects of one class and left none out, or nobody drew any: whether people "
            "agree beyond chance cannot be told yet.",
            "On %(n)s images everybody drew objects of one class and left none out, or nobody drew any: whether people "
            "agree beyond chance cannot be told yet.",
            "number",
        )
    ),
    "one_kind_of_rating": gettext_lazy(
        "everybody drew objects of one class and left none out, or nobody drew any: "
        "agreement beyond chance is undefined"
    ),
    "one_of_two_undefined": gettext_lazy("one of the two is not defined yet"),
    "orders_need_images": gettext_lazy(
        "whether asking pays can be told from %(by_lot)d answered images drawn at random and %(chosen)d that the model "
        "chose; there are %(n_by_lot)d and %(n_chosen)d"
    ),
    "orders_need_judges": gettext_lazy(
        "whether asking pays needs %(n)d images drawn at random to judge by; there are %(n_judged)d"
    ),
    "orders_need_time": gettext_lazy(
        "whether asking pays needs more than %(seconds)d seconds here: raise the time limit of a run"
    ),
    "orders_went_wrong": gettext_lazy("whether asking pays cannot be told: nothing was to be found to judge by"),
    "pairs_with_few_images": _counted(
        ngettext_lazy(
            "%(n)s pair of people shares fewer than %(enough)s images.",
            "%(n)s pairs of people share fewer than %(enough)s images.",
            "number",
        )
    ),
    "pairs_without_images": _counted(
        ngettext_lazy(
            "%(n)s pair of people has no image in common.", "%(n)s pairs of people have no image in common.", "number"
        )
    ),
    "pairs_without_kappa": _counted(
        ngettext_lazy(
            "%(n)s pair of people has no kappa: both always chose the same class on the images they share.",
            "%(n)s pairs of people have no kappa: both always chose the same class on the images they share.",
            "number",
        )
    ),
    "points_out_of_reach": _counted(
        gettext_lazy("%(n)s more images are not expected to bring %(points)s points of %(figure)s"),
        points=_whole_points,
    ),
    "part_has_two_people": _counted(
        gettext_lazy("%(shared)s of %(n)s images have labels of two people; the figures speak about these."),
        shared="{:,}".format,
    ),
    "report_title": gettext_lazy("Agreement on %(name)s"),
    "same_single_class": gettext_lazy("both always chose the same class: agreement beyond chance is undefined"),
    "some_people_compared": gettext_lazy("Of many people, the %(n)s who share most images are compared pair by pair."),
    "sign_chance": _written(
        gettext_lazy("agrees with the others on %(share).0f %%; answers without looking would on %(chance).0f %%"),
        share=_hundredfold,
        chance=_hundredfold,
    ),
    "sign_drift": _written(
        gettext_lazy("agrees with the others on %(now).0f %% of the last %(n)d images, before on %(before).0f %%"),
        now=_hundredfold,
        before=_hundredfold,
    ),
    "sign_fast": _written(
        gettext_lazy("%(share).0f %% of the answers came within %(limit).1f seconds of the image"), share=_hundredfold
    ),
    "sign_order": gettext_lazy(
        "each answer follows from the one before, as if keys were pressed in turn (Cramér's V %(v).2f)"
    ),
    "sign_run": _written(
        gettext_lazy("the same answer %(n)d times in a row, where chance makes that once in %(odds)s people"),
        odds="{:,.0f}".format,
    ),
    "too_few_days": ngettext_lazy(
        "work of %(fewest)s day is needed for a forecast",
        "work of %(fewest)s days is needed for a forecast",
        "fewest",
    ),
    "too_few_for_forecast": gettext_lazy("a forecast needs %(sizes)d training sizes and %(images)d images"),
    "too_few_for_promise": ngettext_lazy(
        "%(n)d calibration label is there; %(fewest)d at least are needed for this promise",
        "%(n)d calibration labels are there; %(fewest)d at least are needed for this promise",
        "n",
    ),
    "too_few_images": gettext_lazy("too few shared images: read the interval, not the value"),
    "too_few_judgements": gettext_lazy("fewer than %(fewest)s judgements"),
    "too_few_sittings": gettext_lazy("no interval: fewer than %(fewest)s sittings"),
    "too_many_errors": ngettext_lazy(
        "of the %(n)d surest calibration images %(errors)d was suggested wrongly: too many",
        "of the %(n)d surest calibration images %(errors)d were suggested wrongly: too many",
        "errors",
    ),
}


# ---------------------------------------------------------------- charts


def chart_words() -> Words:
    """What charts write by themselves."""
    return Words(
        show_as_table=_("Show as table"),
        as_table=_("%(name)s, as a table"),
        nothing=_("Nothing to draw yet."),
        interval=_("95 % interval"),
        between=_("%(low)s to %(high)s"),
        share_between=_("%(low)s to %(high)s %%"),
        with_band=_("%(value)s (%(low)s to %(high)s)"),
        share=_("Share"),
        yes=_("yes"),
        no=_("no"),
        pair=_("Pair"),
        kappa=_("kappa"),
        shared_images=_("Shared images"),
        note=_("Note"),
        both=_("%(a)s and %(b)s"),
        undefined=_("undefined"),
        no_shared_images=_("no shared images"),
        neutral=_("neutral at the project target, κ %(target)s"),
        low=_("low"),
        high=_("high"),
        n_shared=_n_shared,
        called=_called,
        day=_("day"),
        today=_("today"),
        labeled=_("labeled"),
        final=_("final"),
        forecast=_("forecast"),
        n_labeled=_("labeled %(n)s"),
        n_final=_("final %(n)s"),
        n_wanted=_("%(n)s wanted"),
    )


def _n_shared(n: int) -> str:
    return ngettext("%(n)s shared image", "%(n)s shared images", n) % {"n": f"{n:,}"}


def _called(truth: str, said: str, n: int) -> str:
    words = ngettext("%(a)s called %(b)s: %(n)s image", "%(a)s called %(b)s: %(n)s images", n)
    return words % {"a": truth, "b": said, "n": f"{n:,}"}
