"""The analysis plan as data: arms, waves, contrasts, outcomes, worlds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from clustertrials.results import LABELS
from holf.paths import data_path, note_file, project_root, unnoted
from holf.record.facts import Assumption, Ledger, load_assumptions, load_ledger
from holf.record.parts import Asked, parts_noted
from holf.record.reading import FactError, build, name_of, nearest, read_yaml, reading
from holf.record.schema import Schema, load_schema

# The plan of record in an edition whose data cannot answer all of it.
REGISTERED = "registered.yml"
KINDS = ("primary", "secondary", "other")
TYPES = ("continuous", "binary")
DIRECTIONS = ("up", "down")


@dataclass(frozen=True)
class Words:
    """What pages call a randomised unit, several of them, and the difference between the randomised arms."""

    cluster: str
    clusters: str
    minus: str


@dataclass(frozen=True)
class Statement:
    """What one document says of a contrast: its id in the audit, the statement in short, and its ledger row."""

    source: str
    words: str
    fact: str


@dataclass(frozen=True)
class Contrast:
    """Which groups are compared, in which table and column the group stands, and who belongs to the comparison.

    `population` maps a table to the 0/1 column that must be 1 for its rows to count. `outcomes` are those compared in a
    contrast that is not the registered one, `published` is what documents say of such a contrast itself, and
    `difference` what pages call its difference.
    """

    id: str
    label: str
    treated: tuple[str, ...]
    other: tuple[str, ...]
    group: tuple[str, str]
    randomised: str
    population: dict[str, str]
    outcomes: tuple[str, ...]
    facts: tuple[str, ...]
    registered: bool = False
    published: tuple[Statement, ...] = ()
    difference: str = ""

    @property
    def arms(self) -> tuple[str, ...]:
        """The compared groups, treated first."""
        return (*self.treated, *self.other)


@dataclass(frozen=True)
class Outcome:
    """One registered outcome: what the registry says, where its values stand, and how this book analyses it.

    `estimator` is the primary one, `beside` names those shown next to it, `also` those that only the figure of every
    method shows. A covariate is ``"baseline"``, the outcome's own, or one of the schema's baseline columns.
    `margin` is the smallest difference, in units of the outcome, that this book calls worth having; it is assumed.
    """

    id: str
    label: str
    kind: str
    level: str
    measure: str
    fact: str
    waves: tuple[str, ...]
    waves_facts: tuple[str, ...]
    table: str
    column: str
    type: str
    unit: str
    show: str
    direction: str
    estimator: str
    covariates: tuple[str, ...]
    beside: tuple[str, ...]
    also: tuple[str, ...]
    margin: float
    margin_reason: str
    published: dict[str, str]
    words: Words
    level_class: str = "published"
    simulated: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """Name of the outcome's page, which sorts by kind."""
        return f"{self.kind}-{self.id.replace('_', '-')}"

    def only_at(self, waves: Collection[str]) -> Outcome:
        """The outcome with only these waves, and the ledger row of each."""
        kept = [(wave, fact) for wave, fact in zip(self.waves, self.waves_facts) if wave in waves]
        return replace(self, waves=tuple(wave for wave, _ in kept), waves_facts=tuple(fact for _, fact in kept))

    @property
    def assumed_sd(self) -> str:
        """Name of the assumption with its standard deviation; empty for a binary outcome, whose share gives it."""
        return "" if self.type == "binary" else self.simulated["baseline"].removesuffix("_baseline") + "_sd"

    @property
    def is_wide(self) -> bool:
        """True where each wave is a column of its own."""
        return "{wave}" in self.column


@dataclass(frozen=True)
class Plan:
    """The whole of `data/plan.yml`."""

    trial: dict
    arms: dict[str, dict]
    waves: dict[str, int]
    worlds: dict[str, dict]
    contrasts: dict[str, Contrast]
    outcomes: Mapping[str, Outcome]
    words: Words

    @property
    def main(self) -> Contrast:
        """The contrast of the randomised clusters: the one whose groups stand in their table."""
        return next(one for one in self.contrasts.values() if one.group[0] == self.trial["cluster"]["table"])

    @property
    def baseline(self) -> str | None:
        """The wave at month 0; None in a trial whose outcomes were not measured then."""
        return next((wave for wave, months in self.waves.items() if months == 0), None)

    @property
    def name(self) -> str:
        """The trial's number in its registry, or its acronym where it has none."""
        return self.trial.get("registry_id") or self.trial["acronym"]

    def outcome(self, name: str) -> Outcome:
        """Return the outcome called `name`; ValueError lists the known ones."""
        if name not in self.outcomes:
            raise ValueError(f"no outcome {name!r} in data/plan.yml; known: {', '.join(self.outcomes)}")
        return self.outcomes[name]

    def contrast(self, name: str) -> Contrast:
        """Return the contrast called `name`; ValueError lists the known ones."""
        if name not in self.contrasts:
            raise ValueError(f"no contrast {name!r} in data/plan.yml; known: {', '.join(self.contrasts)}")
        return self.contrasts[name]


def _outcome(where: str, name: str, entry: dict, model: dict, waves: dict[str, int], words: Words) -> Outcome:
    margin = entry.pop("margin")
    if margin["class"] != "assumed":
        raise FactError(f"{where}: margin needs class assumed")
    entry |= entry.pop("model", model) | {"margin": margin["value"], "margin_reason": margin["reason"]}
    one = build(Outcome, where, entry, id=name, words=words)
    if one.kind not in KINDS:
        raise FactError(f"{where}: kind must be one of {', '.join(KINDS)}")
    if unknown := [wave for wave in one.waves if wave not in waves]:
        raise FactError(f"{where}: wave {unknown[0]} is not among waves")
    if one.published.get("class") not in ("published", "unknown"):
        raise FactError(f"{where}: published needs class published or unknown")
    if len(one.waves) != len(one.waves_facts):
        raise FactError(f"{where}: each wave needs its own row of the ledger in waves_facts")
    return one


def _contrast(where: str, name: str, entry: dict) -> Contrast:
    group = entry.pop("group")
    statements = tuple(build(Statement, where, one) for one in entry.pop("published", ()))
    return build(Contrast, where, entry, id=name, group=(group["table"], group["column"]), published=statements)


def _words(trial: dict, arms: dict[str, dict], contrasts: dict[str, Contrast], file: str) -> Words:
    randomised = [one for one in contrasts.values() if one.group[0] == trial["cluster"]["table"]]
    if len(randomised) != 1:
        raise FactError(f"{file}: exactly one contrast must have its group in the table of the randomised clusters")
    treated, other = (arms[side[0]]["label"] for side in (randomised[0].treated, randomised[0].other))
    minus = randomised[0].difference or f"{treated} minus {other}"
    return Words(trial["cluster"]["noun"], trial["cluster"]["plural"], minus)


def load_plan(path: Path | None = None, *, note: Callable[[str], None] = note_file) -> Plan:
    """Read the analysis plan: `data/plan.yml`, or another file of its form.

    Parameters
    ----------
    path : Path, optional
    note : callable
        Told each outcome that is asked for, and each other part, as a part of the project.

    Raises
    ------
    FactError
        If a part is missing, a wave or kind is unknown, a margin is not classed as assumed, not exactly one contrast
        compares the randomised clusters, or a name is one that the project does not know: the message then says which
        are known.

    Examples
    --------
    >>> list(load_plan().worlds)
    ['null', 'benefit', 'harm']
    """
    with parts_noted(path):
        path, contrasts, outcomes = path or data_path("plan.yml"), {}, {}
        raw = read_yaml(path)
    # These files only check the plan: no number of a chapter follows from them.
    with unnoted():
        known = load_ledger(), load_assumptions(), load_schema()
    file = name_of(path)
    with unnoted(), reading(file):
        for name, entry in raw["contrasts"].items():
            where = f"{file}, contrast {name}"
            with reading(where):
                contrasts[name] = _contrast(where, name, entry)
        words = _words(raw["trial"], raw["arms"], contrasts, file)
        for name, entry in raw["outcomes"].items():
            where = f"{file}, outcome {name}"
            with reading(where):
                outcomes[name] = _outcome(where, name, entry, raw.get("model", {}), raw["waves"], words)
        plan = Plan(raw["trial"], raw["arms"], raw["waves"], raw.get("worlds", {}), contrasts, outcomes, words)
        _check_plan(plan, *known, file)
    # Pages name the arms, answers the trial, and an outcome without a model has the common one: these always count.
    part_of = f"data/{path.name}"
    for part in ("trial", "arms", "waves", "worlds", "contrasts", "model"):
        note(f"{part_of}#{part}")
    return replace(plan, outcomes=Asked(f"{part_of}#outcomes", outcomes, note))


def _check_plan(plan: Plan, ledger: Ledger, assumptions: Mapping[str, Assumption], schema: Schema, file: str) -> None:
    """Refuse a plan that names what does not exist: a table, column, fact, assumption, arm, outcome or estimator."""

    def check(entry: str, what: str, names: Iterable[str], known: Collection[str], place: str) -> None:
        for name in names:
            if name not in known:
                raise FactError(f"{file}, {entry}: {what} {name} is not in {place}; {nearest(name, known)}")

    def check_columns(entry: str, table: str, *columns: str) -> None:
        check(entry, "table", [table], schema.tables, "data/datapackage.json")
        check(entry, "column", columns, schema.fields(table), f"table {table} of data/datapackage.json")

    def check_facts(entry: str, *facts: str) -> None:
        check(entry, "fact", facts, ledger, "data/facts.csv")

    trial, cluster = plan.trial, plan.trial["cluster"]
    check_columns("trial", cluster["table"], *filter(None, (cluster["key"], trial.get("strata"))))
    for table in trial["sizes"]:
        check_columns("trial", table)
    check_facts("trial", *filter(None, (trial.get("open_data"), trial.get("analysed", {}).get("fact"))))
    for name, arm in plan.arms.items():
        if fact := arm.get("offices_fact"):
            check_facts(f"arm {name}", fact)
            if not {*arm["label"].lower().split()} & {*ledger[fact].fact.lower().split()}:
                raise FactError(f"{file}, arm {name}: row {fact} of data/facts.csv does not name {arm['label']}")
    for one in plan.contrasts.values():
        entry = f"contrast {one.id}"
        check(entry, "arm", one.arms, plan.arms, "arms")
        check(entry, "outcome", one.outcomes, plan.outcomes, "outcomes")
        for table, column in (one.group, *one.population.items()):
            check_columns(entry, table, column)
        check_facts(entry, *one.facts, *(statement.fact for statement in one.published))
    for one in plan.outcomes.values():
        entry = f"outcome {one.id}"
        check(entry, "type", [one.type], TYPES, "the types of outcomes")
        check(entry, "direction", [one.direction], DIRECTIONS, "the directions")
        before = [plan.baseline] if "baseline" in one.covariates else []
        times = [one.column.format(wave=wave) for wave in (*before, *one.waves)]
        check_columns(entry, one.table, *(times if one.is_wide else (one.column, "wave")))
        if not one.is_wide:
            listed = schema.fields(one.table)["wave"].get("constraints", {}).get("enum", one.waves)
            place = f"the enum of {one.table}.wave in data/datapackage.json"
            check(entry, "wave", (*before, *one.waves), listed, place)
        check(entry, "estimator", (one.estimator, *one.beside, *one.also), (*LABELS, "ipw"), "the estimators")
        adjusted = ("baseline", *(column for _, column, _, _ in schema.baseline))
        check(entry, "covariate", one.covariates, adjusted, "the baseline columns of data/datapackage.json")
        said = [fact for key, fact in one.published.items() if key.endswith("fact")]
        check_facts(entry, one.fact, *one.waves_facts, *said)
        sd = [one.assumed_sd] if one.simulated and one.assumed_sd else []
        check(entry, "assumption", (*one.simulated.values(), *sd), assumptions, "data/assumptions.yml")


def load_registered() -> Plan:
    """Read the plan of record: every outcome and time, also those that the data of this edition do not hold.

    A book on partial data answers only what its data can (`load_plan`), but what was registered and published stays
    whole.

    Examples
    --------
    >>> list(load_registered().outcomes)[:3]
    ['employment', 'housing', 'income']
    """
    return load_plan(data_path(REGISTERED) if (project_root() / "data" / REGISTERED).exists() else None)
