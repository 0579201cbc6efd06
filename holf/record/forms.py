"""The form of each YAML file of `data/`: which keys an entry has, so that a misspelt one is refused.

A form is a dict with the keys of an entry (one that ends in ``?`` may be left out), ``{"*": form}`` for entries under
names of their own, ``[form]`` for a list, or None for what the reader of the file looks at itself.
"""

from __future__ import annotations


def _keys(names: str, **inner: object) -> dict[str, object]:
    """Keys with plain values, and others with a form of their own."""
    return dict.fromkeys(names.split()) | inner


_TAKEN = _keys("value? class? reason? from? place?")
_LINE = _keys("fact says")
_DONE = {"title": _LINE, "own": None, "had": [_LINE]}
_LANDING = _keys("found questions areas signs ends table note columns", offices=_LINE, arms={"*": _DONE}) | {
    "both": {"title": None, "had": [_LINE]}
}
_RULE, _FLOOR = _keys("says reason source"), _keys("setting floor floor_is")
_SWEPT = _keys("values? reason? from? facts?")
_MODEL = _keys("estimator covariates beside also")
_PLAN = {
    "trial": _keys("acronym registry_id? strata? open_data? sizes")
    | {"cluster": _keys("table key noun plural") | {"names?": _keys("file columns")}, "analysed?": _keys("fact level")},
    "arms": {"*": _keys("label offices_fact?")},
    "waves": {"*": None},
    "worlds?": {"*": _keys("label sign says")},
    "model?": _keys("estimator covariates beside also"),
    "contrasts": {
        "*": _keys("label treated other randomised population outcomes facts registered? difference?")
        | {"group": _keys("table column"), "published?": [_keys("source words fact")]}
    },
    "outcomes": {
        "*": _keys("label kind level level_class? measure fact waves waves_facts table column type unit show direction")
        | {
            "model?": _MODEL,
            "margin": _keys("value class reason"),
            "published": _keys("class change? change_fact? difference? difference_fact? other? other_fact?"),
            "simulated?": _keys("baseline change icc effect"),
        }
    },
}

FORMS: dict[str, object] = {
    "assumptions.yml": {"*": _keys("value range unit class reason facts whole? at_most?")},
    "columns.yml": {
        **{key: {"*": None} for key in ("parts?", "headings?", "patterns?")},
        "named?": _keys("arm? world? estimator?"),
    },
    "disclosure.yml": {
        "default": None,
        "rules": {
            **dict.fromkeys("staff people families offices dominance df".split(), _RULE | _FLOOR),
            **dict.fromkeys("extremes rounding digits complementary".split(), _RULE | _FLOOR),
            **dict.fromkeys("class linked differencing".split(), _RULE | _keys("setting?")),
        },
        "profiles": {
            "*": _keys("staff_levels min_people min_families min_offices max_office_share min_residual_df statistics")
            | _keys("round_to significant_digits min_interval")
        },
    },
    "flow.yml": [
        _keys("id label unit fact? from? loss? note? unit_changes? randomised?")
        | _keys("published_unit? published_label? caveat?", count=_keys("table where?"))
    ],
    "glossary.yml": [_keys("en nb means betyr facts")],
    "landing.yml": {"source": None, "en": _LANDING, "nb": _LANDING},
    "plan.yml": _PLAN,
    "registered.yml": _PLAN,
    "prose.yml": {
        "kinds?": {"*": _keys("pattern example reason?")},
        "beyond_what_was_read?": _keys("patterns silent") | {"allowed": [_keys("text reason?")]},
        "words?": _keys("en? nb?"),
        "before?": _keys("en? nb?"),
        "links?": _keys("numbers same") | {"allowed": [_keys("text reason?")]},
    },
    "recovery.yml": {
        **dict.fromkeys(
            ("seed", "correlation", "size_cv", "replicates", "study_replicates", "first", "study_first"), _TAKEN
        ),
        "monte_carlo_level": _TAKEN,
        "trial": _keys("offices_fact treated_fact parents_fact"),
        "estimators": None,
        "recommended": None,
        "study_estimators": None,
        "scenarios": {
            "*": {"label": None} | dict.fromkeys(("icc?", "share?", "effect?", "size_cv?", "slope?"), _TAKEN)
        },
        "studies": {"*": _keys("label world outcome")},
    },
    "redirects.yml": {"*": None},
    "sources.yml": {"*": _keys("title what dated? address? copy? doi? unknown? read? lang?")},
    "sweep.yml": {
        **dict.fromkeys(("seed", "replicates", "trials_a_task"), _SWEPT),
        "estimators": None,
        "factors": {"*": _SWEPT},
    },
    "timeline.yml": {"dates": [_keys("what facts from? to? said?")]},
    "trials.yml": {"*": _keys("about licence taken_from world? source? table?")},
}
