"""The forms of the sections on quality, acceptance and consensus."""

from __future__ import annotations

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from labeler.consensus.economy_standing import BORNE_OUT
from labeler.models.project import ConsensusMethod, Ordered
from labeler.pages.settings.forms import _PERCENT, Section, switch


class Quality(Section):
    """What is mixed in among the images to learn about the people."""

    units = {"gold_percent": ("gold_share", _PERCENT), "repeat_percent": ("repeat_share", _PERCENT)}

    gold_percent = forms.FloatField(
        label=gettext_lazy("Gold images, in percent"),
        min_value=0,
        max_value=50,
        help_text=gettext_lazy(
            "Of what each person is given: images whose answer is known, without a sign. They tell how often the "
            "person is right. Costs everybody that share of their time: of 1,000 answers, 5 % are 50, enough to know "
            "“90 % right” to about 9 points."
        ),
    )
    gold_feedback = switch(
        gettext_lazy("Say at once what a gold image was"),
        gettext_lazy(
            "Teaches people while they label. They then know which images were gold, so their scores count for less: "
            "good in the first days, off when you want to measure."
        ),
    )
    repeat_percent = forms.FloatField(
        label=gettext_lazy("Repeated images, in percent"),
        min_value=0,
        max_value=20,
        help_text=gettext_lazy(
            "Of what each person is given: images they judged at least 50 answers ago, without a sign. They tell how "
            "often a person agrees with themselves: nobody agrees with others more than that. Costs that share of "
            "their time; the second answer is no vote."
        ),
    )


class Accepting(Section):
    """What the model may settle without a person, and what is promised of it."""

    units = {
        "precision_percent": ("accept_precision", _PERCENT),
        "confidence_percent": ("accept_confidence", _PERCENT),
        "audited_percent": ("audited_share", _PERCENT),
    }

    auto_accept = switch(
        gettext_lazy("Let the model accept what it is sure of"),
        gettext_lazy(
            "Only as far as the promise below holds, and only images that nobody was given. They leave the queue; they "
            "never count as labels, and an export has them only where you ask for it. Off: all of them go back to "
            "people."
        ),
    )
    precision_percent = forms.FloatField(
        label=gettext_lazy("Right at least, in percent"),
        min_value=80,
        max_value=99,
        help_text=gettext_lazy(
            "Of the accepted images. Higher: fewer are accepted, and more calibration images are needed. On our "
            "clothing photographs, with 500 of them: 83 % of the images at 90, 68 % at 95, 38 % at 98."
        ),
    )
    confidence_percent = forms.FloatField(
        label=gettext_lazy("With this confidence, in percent"),
        min_value=80,
        max_value=99,
        help_text=gettext_lazy(
            "Of a hundred projects with this setting, at least so many keep the promise. 95 is what papers use."
        ),
    )
    audited_percent = forms.FloatField(
        label=gettext_lazy("Audited, in percent"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy(
            "Of the accepted images, by a draw: two people judge them all the same, first and without seeing what the "
            "model says. They find a broken promise: 15 % wrong within some 50 answers, 10 % within 150. Costs two "
            "labels each."
        ),
    )
    accept_per_class = switch(
        gettext_lazy("A threshold for each class"),
        gettext_lazy(
            "The promise then holds in each class that has enough calibration images, and the others share one. With "
            "several classes per image: in each set of classes. Dear: 40 % of the clothing photographs instead of 68 %."
        ),
    )


class Consensus(Section):
    """How several answers become one, and how many answers an image gets."""

    units = {"enough_percent": ("enough_confidence", _PERCENT), "goal_percent": ("goal_right", _PERCENT)}
    of_classes = frozenset(
        {"consensus_method", "enough_percent", "ask_by_gain", "goal_percent", "model_fills", "ordered"}
    )

    consensus_method = forms.ChoiceField(
        label=gettext_lazy("How several answers become one"),
        choices=ConsensusMethod.choices,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "A reviewer's decision stands above every method. Another method changes no label, and can be taken back; "
            "a worker weighs all images anew."
        ),
    )
    adaptive_overlap = switch(
        gettext_lazy("As many labels as an image needs"),
        gettext_lazy(
            "Stops where the answers are clear, and asks more people where they are not; takes the place of “Labels "
            "per image”. Saves labels on clear images; when the work ends is harder to tell."
        ),
    )
    fewest_labels = forms.IntegerField(
        label=gettext_lazy("Fewest labels"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy(
            "Every image gets these, and agreement is counted on them. With 1, it rests on the images that judge the "
            "model: they always get two."
        ),
    )
    most_labels = forms.IntegerField(
        label=gettext_lazy("Most labels"),
        min_value=1,
        max_value=50,
        help_text=gettext_lazy("After these a reviewer decides. Bounds what a hard image can cost."),
    )
    enough_percent = forms.FloatField(
        label=gettext_lazy("Sure enough, in percent"),
        min_value=50,
        max_value=99.9,
        help_text=gettext_lazy(
            "How probable the answer must be for nobody else to be asked. Higher: fewer wrong images, and more labels."
        ),
    )
    ask_by_gain = switch(
        gettext_lazy("Ask where one more answer gains most"),
        gettext_lazy(
            "A new image or one more opinion, whichever makes more labels right, by what people and model say; never "
            "twice the same person, and at most “Most labels” per image. Takes the place of “Labels per image”. Fewest "
            "answers for right labels; answers given with a suggestion on the screen cannot be weighed with the model, "
            "so it saves most with suggestions off."
        ),
    )
    goal_percent = forms.FloatField(
        label=gettext_lazy("Goal, in percent of labels right"),
        min_value=50,
        max_value=99.9,
        help_text=format_lazy(
            gettext_lazy(
                "When so many are estimated right, and {checks}, nobody is asked any more but for the blind images. "
                "Raise it to go on."
            ),
            checks=BORNE_OUT,
        ),
    )
    model_fills = switch(
        gettext_lazy("The model answers for images nobody has labeled"),
        gettext_lazy(
            "In lists, marked as the model's alone; in exports only where you ask for it, marked too. It is no label: "
            "nothing is trained on it, and no figure about people or the model counts it. Only where people and model "
            "decide together, and never on images that are judged blind."
        ),
    )
    ordered = forms.ChoiceField(
        label=gettext_lazy("Do the classes have an order?"),
        choices=Ordered.choices,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "Healthy, mild, severe have one, and a near miss is then worth something: agreement is also given with "
            "weights, by the classes' places in the row. Costs nothing; only where an image has one class."
        ),
    )


# What each method is good for, and when it is worse than counting votes (bench/trust.py, docs/agreement.md).
METHODS = {
    ConsensusMethod.MAJORITY: gettext_lazy(
        "What most people said; a tie goes to a reviewer. Everybody can check it. A careless answer counts like a "
        "careful one."
    ),
    ConsensusMethod.ONE_COIN: gettext_lazy(
        "Who is right more often counts more, as all answers together tell. Better where people differ, and settles "
        "ties; with few labels per person it is the majority, hardly ever worse."
    ),
    ConsensusMethod.DAWID_SKENE: gettext_lazy(
        "Also weighs what each person mixes up with what. Best with some hundred labels per person, 30 of each class; "
        "with fewer it was worse than the majority in published comparisons."
    ),
    ConsensusMethod.WITH_MODEL: gettext_lazy(
        "The model is one more voter, where people answered without its suggestion. Best with one or two labels per "
        "image; worse where the model errs as the people do, and no fair test of that model any more."
    ),
}
