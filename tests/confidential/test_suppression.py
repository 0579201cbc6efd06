"""Withheld counts stay hidden: against every whole-numbered table that agrees with what is published."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from holf.confidential.rules.attack import Equation, attack, dependent, known_range
from holf.confidential.rules.policy import load_policy
from holf.confidential.rules.primary import Support
from holf.confidential.rules.suppression import Count, protect
from holf.study.answers import Withheld, is_withheld

# The numbers below are chosen for a threshold of ten, whatever the file says today.
POLICY = replace(load_policy(), min_people=10, min_families=10)
PRIMARY_ONLY = replace(POLICY, min_interval=1)
CAP = 34  # Highest count the enumerations try for a count without a bound; cells drawn stay ten below.


def support(value, kind="plain"):
    """Of `value` people; `kind` says which rule but that on people is broken."""
    families = min(value, 9) if kind == "families" else value
    offices = min(families, 2) if kind == "offices" else min(families, 9)
    return Support(value, families, offices, 0.6 if kind == "dominance" and value else min(value, 0.3))


class Linked:
    """A table with cells of up to three dimensions, and sums over some of its axes that are counts as well.

    `margins` are tuples of axes kept: () is the total, (0,) the sums by the first axis.
    """

    def __init__(self, cells, margins, kinds=None, public=()):
        self.cells = np.asarray(cells)
        self.kinds = (
            np.full(self.cells.shape, "plain") if kinds is None else np.asarray(kinds).reshape(self.cells.shape)
        )
        axes = range(self.cells.ndim)
        self.members = {}
        for kept in [tuple(axes), *margins]:
            for where in itertools.product(*(range(self.cells.shape[axis]) for axis in kept)):
                name = "n" + "".join(f"_{axis}{index}" for axis, index in zip(kept, where))
                picked = tuple(where[kept.index(axis)] if axis in kept else slice(None) for axis in axes)
                mask = np.zeros(self.cells.shape, bool)
                mask[picked] = True
                self.members[name] = mask
        self.values = {name: int(self.cells[mask].sum()) for name, mask in self.members.items()}
        self.public = {name: self.values[name] for name in public}

    @property
    def counts(self):
        def kind(mask):
            return str(self.kinds[mask][0]) if mask.sum() == 1 else "plain"

        return [Count(name, support(self.values[name], kind(mask))) for name, mask in self.members.items()]

    @property
    def equations(self):
        inner = [name for name, mask in self.members.items() if mask.sum() == 1]
        return [
            Equation(name, tuple(part for part in inner if (self.members[part] & mask).any()))
            for name, mask in self.members.items()
            if mask.sum() > 1
        ]

    def protect(self, policy=POLICY):
        return protect(self.counts, self.equations, self.public, policy)

    def follow(self, shown):
        """The counts that are published as sums of others."""
        names = [name for name in shown if not is_withheld(shown[name])]
        return dependent(sorted(names, key=lambda name: (-self.values[name], name)), self.equations, self.public)

    def told(self, shown):
        """What is published without the sums, of which a reader knows only that they were large enough."""
        return shown | dict.fromkeys(self.follow(shown), Withheld("complementary"))

    def allowed(self, name, shown):
        """What a reader who knows the policy reads off one number; written apart from the engine."""
        if name in self.public:
            return self.public[name], self.public[name]
        if isinstance(shown, Withheld):
            return {"people": (0, 9), "linked": (0, np.inf)}.get(shown.rule, (10, np.inf))
        return max(10, shown - 2), shown + 2

    def enumerate(self, shown):
        """Bounds of every count over all tables of whole numbers up to CAP that agree with `shown`."""
        inner, shown = [name for name, mask in self.members.items() if mask.sum() == 1], self.told(shown)
        ranges = [self.allowed(name, shown[name]) for name in inner]
        grid = np.meshgrid(*(np.arange(low, min(high, CAP) + 1) for low, high in ranges), indexing="ij", sparse=True)
        where = {name: number for number, name in enumerate(inner)}
        sums, agrees = {}, True
        for name, mask in self.members.items():
            sums[name] = sum(grid[where[part]] for part in inner if (self.members[part] & mask).any())
            low, high = self.allowed(name, shown[name])
            agrees = agrees & (sums[name] >= low) & (sums[name] <= high)
        found = {name: np.broadcast_to(total, agrees.shape)[agrees] for name, total in sums.items()}
        return {name: (int(values.min()), int(values.max())) for name, values in found.items()}

    def witnesses(self, name, shown):
        """Two whole-numbered tables with the fewest and the most in `name`, each checked by adding up."""
        rows, shown = np.array([mask.ravel() for mask in self.members.values()], dtype=float), self.told(shown)
        ranges = np.array([self.allowed(other, shown[other]) for other in self.members])
        constraint = optimize.LinearConstraint(rows, *np.minimum(ranges, 10_000).T)
        bounds, tables = optimize.Bounds(0, 10_000), []
        for sign in (1, -1):
            aim = sign * self.members[name].ravel()
            found = optimize.milp(aim, constraints=constraint, bounds=bounds, integrality=np.ones(self.cells.size))
            table = np.round(found.x).reshape(self.cells.shape)
            for other, mask in self.members.items():
                low, high = self.allowed(other, shown[other])
                assert low <= table[mask].sum() <= high
            tables.append(table)
        return tables

    def witnessed(self, shown):
        """Bounds of every count between its two witnesses; owes nothing to the engine's own attack."""
        return {
            name: tuple(int(table[mask].sum()) for table in self.witnesses(name, shown))
            for name, mask in self.members.items()
        }

    def public_alone(self, name):
        """How many whole numbers the public numbers leave for a count."""
        nothing = dict.fromkeys(self.members, Withheld("linked"))
        low, high = (int(table[self.members[name]].sum()) for table in self.witnesses(name, nothing))
        return high - low + 1


def withheld(shown):
    return {name for name, number in shown.items() if is_withheld(number)}


def assert_hidden(table, shown, bounds, least=5):
    """Every count keeps `least` whole numbers; where public numbers or its own rounding leave fewer, all of these."""
    for name in bounds.keys() - table.public.keys():
        low, high = bounds[name]
        assert low <= table.values[name] <= high
        if high - low + 1 < least:
            own = known_range(shown[name], POLICY)
            assert high - low >= min(own[1] - own[0], table.public_alone(name) - 1), name


def assert_allowed(table, shown):
    """Every published number passes the rules on single cells and is rounded; public ones stand as they are."""
    assert shown.keys() == table.members.keys()
    backing = {count.id: count.support for count in table.counts}
    follow = table.follow(shown)
    for name in shown.keys() - withheld(shown) - table.public.keys():
        behind = backing[name]
        assert behind.people >= 10 and behind.families >= 10 and behind.offices >= 3 and behind.largest_share <= 0.5
        if name in follow:
            factors, constant = follow[name]
            assert shown[name] == constant + sum(factor * shown[other] for other, factor in factors.items())
        else:
            assert shown[name] % 5 == 0 and abs(shown[name] - behind.people) <= 2
    for name in table.public:
        assert shown[name] == table.values[name]


values = st.one_of(st.integers(0, 12), st.integers(0, 24))
kinds = st.sampled_from(["plain"] * 6 + ["families", "offices", "dominance"])


@st.composite
def tables(draw, shapes, margins):
    shape = draw(st.sampled_from(shapes))
    size = int(np.prod(shape))
    cells = np.reshape(draw(st.lists(values, min_size=size, max_size=size)), shape)
    table = Linked(cells, margins(shape), draw(st.lists(kinds, min_size=size, max_size=size)))
    public = draw(st.sets(st.sampled_from(sorted(table.members)), max_size=3))
    table.public = {name: table.values[name] for name in sorted(public)}
    return table


small = st.one_of(tables([(2,), (3,)], lambda shape: [()]), tables([(2, 2)], lambda shape: [(), (0,), (1,)]))
large = st.one_of(
    tables([(2, 3), (3, 3)], lambda shape: [(), (0,), (1,)]),
    tables([(2, 2, 2)], lambda shape: [(), (0, 1), (0, 2), (1, 2)]),
    tables([(2, 2, 2), (2, 3, 2)], lambda shape: [(), (0,), (0, 1), (1, 2)]),
)


@settings(max_examples=25, deadline=None)
@given(small)
def test_withheld_counts_stay_hidden_in_every_table_there_could_be(table):
    shown = table.protect()
    assert shown == table.protect()
    assert_allowed(table, shown)
    assert_hidden(table, shown, table.enumerate(shown))


@settings(max_examples=10, deadline=None)
@given(large)
def test_withheld_counts_stay_hidden_in_linked_tables(table):
    shown = table.protect()
    assert_allowed(table, shown)
    assert_hidden(table, shown, table.witnessed(shown))


# Two arms, three sizes and two years with every margin: more sums than the drawn tables have.
DENSE = Linked(
    [[[4, 25], [4, 12], [18, 18]], [[2, 2], [40, 25], [40, 18]]],
    [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)],
    public=["n", "n_00", "n_01"],
)


def test_withheld_counts_stay_hidden_in_a_table_with_every_margin():
    shown = DENSE.protect()
    assert_allowed(DENSE, shown)
    assert_hidden(DENSE, shown, DENSE.witnessed(shown))


def test_attack_finds_what_witnesses_find_in_a_table_with_every_margin():
    shown = DENSE.protect(PRIMARY_ONLY)
    found, expected = attack(DENSE.told(shown), DENSE.equations, DENSE.public, POLICY), DENSE.witnessed(shown)
    assert withheld(shown) <= found.keys() and found == {name: expected[name] for name in found}


@settings(max_examples=15, deadline=None)
@given(small)
def test_attack_finds_what_enumeration_finds(table):
    shown = table.protect(PRIMARY_ONLY)
    expected = table.enumerate(shown)
    for name, (low, high) in attack(table.told(shown), table.equations, table.public, POLICY).items():
        # Enumeration stops at CAP in each cell, the attack does not.
        assert low == expected[name][0] and (high == expected[name][1] or high > CAP)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(30, 500), min_size=6, max_size=6))
def test_nothing_is_withheld_without_need(cells):
    table = Linked(np.reshape(cells, (2, 3)), [(), (0,), (1,)], public=["n"])
    assert not withheld(table.protect())


# One known total; the second part, rounded, tells too much of the first.
BARE = Linked([1, 24], [()], public=["n"])


def test_primary_rules_alone_are_broken_by_the_same_attack():
    shown = BARE.protect(PRIMARY_ONLY)
    assert shown == {"n_00": Withheld("people"), "n_01": 25, "n": 25}
    with pytest.raises(AssertionError):
        assert_hidden(BARE, shown, BARE.enumerate(shown))
    assert_hidden(BARE, BARE.protect(), BARE.enumerate(BARE.protect()))


def test_one_more_count_is_enough_and_the_smallest_is_taken():
    table = Linked([1, 40, 60, 20], [()], public=["n"])
    assert withheld(table.protect()) == {"n_00"}, "three rounded parts leave doubt enough"
    exact = Linked([1, 40, 60, 20], [()], public=["n", "n_01", "n_02"])
    assert exact.protect() == {
        "n_00": Withheld("people"),
        "n_01": 40,
        "n_02": 60,
        "n_03": Withheld("complementary"),
        "n": 121,
    }


def test_what_turns_out_needless_is_shown_again():
    """The small cell's row is taken apart first; only what its column then needs stays withheld."""
    table = Linked([[1, 11, 30], [40, 50, 60]], [(), (0,), (1,)], public=["n", "n_00", "n_01", "n_10", "n_11", "n_12"])
    shown = table.protect()
    for name in withheld(shown) - {"n_00_10"}:
        opened = table.told(shown | {name: (table.values[name] + 2) // 5 * 5})
        found = attack(opened, table.equations, table.public, POLICY, names=opened.keys() - table.public.keys())
        assert min(high - low + 1 for low, high in found.values()) < 5, f"{name} could have been shown"
    assert len(withheld(shown)) == 3


def test_refusals_stop_naming_rules_that_would_tell():
    """Beside a public total of 11, a part below ten and one not below leave two numbers for each."""
    table = Linked([1, 10], [()], public=["n"])
    assert set(table.protect().values()) == {Withheld("linked"), 11}
    named = {"n_00": Withheld("people"), "n_01": Withheld("complementary"), "n": 11}
    assert table.enumerate(named)["n_00"] == (0, 1)
    assert table.enumerate(table.protect())["n_00"] == (0, 11)


def test_differences_are_counts():
    """Enrolled less analysed is the number lost, whether or not a page shows it."""
    flow = [Equation("enrolled", ("analysed", "lost"))]
    enrolled, analysed = Count("enrolled", support(448)), Count("analysed", support(440))
    unseen = [enrolled, analysed, Count("lost", support(8), implied=True)]
    shown = protect(unseen, flow, {}, POLICY)
    assert shown == {"enrolled": 450, "analysed": 440}, "rounding leaves doubt enough, if nothing is said of those lost"
    assert attack(shown, flow, {}, POLICY) == {"lost": (6, 14)}
    told = [enrolled, analysed, Count("lost", support(8))]
    naive = protect(told, flow, {}, PRIMARY_ONLY)
    assert attack(naive, flow, {}, POLICY) == {"lost": (6, 9)}, "its own refusal says too much"
    assert attack(protect(told, flow, {}, POLICY), flow, {}, POLICY)["lost"] == (6, 14)


def counts_by(**values):
    return [Count(name, support(value)) for name, value in values.items()]


def test_the_arms_of_a_public_total_keep_all_that_rounding_leaves():
    """438 and 424 of 862: rounded one by one, 440 and 425 leave 438 and 439."""
    counts = counts_by(new=438, usual=424)
    sums = [Equation("analysed", ("new", "usual"))]
    alone = attack({"new": 440, "usual": 425}, sums, {"analysed": 862}, POLICY, names=["new"])
    assert alone == {"new": (438, 439)}
    assert protect(counts, sums, {"analysed": 862}, POLICY) == {"new": 437, "usual": 425}
    assert known_range(425, POLICY) == (423, 427)


def test_a_total_is_the_sum_of_its_parts_as_shown():
    """442 and 427 make 869: with a total of 870, 440 and 425 leave two numbers for the first."""
    counts, sums = counts_by(new=442, usual=427, all=869), [Equation("all", ("new", "usual"))]
    shown = {"new": 440, "usual": 425, "all": 870}
    assert attack(shown, sums, {}, POLICY, names=["new"]) == {"new": (441, 442)}
    assert protect(counts, sums, {}, POLICY) == {"new": 440, "usual": 425, "all": 865}


def test_numerators_near_all_are_refused_as_those_near_none():
    n, e = Count("n", support(100)), Count("events", support(96), outside=4)
    others = Count("others", support(4), implied=True)
    shown = protect([n, e, others], [Equation("n", ("events", "others"))], {}, POLICY)
    assert shown == {"n": 100, "events": Withheld("class")}, "of an implied count nothing is said"


def test_contradicting_numbers_are_refused():
    with pytest.raises(ValueError, match="contradict"):
        attack({"a": 20, "b": Withheld("people")}, [Equation("n", ("a", "b"))], {"n": 90}, POLICY)


def test_the_rest_of_a_total_is_never_shown_below_the_fewest_people():
    parts = {f"office {number}": support(18) for number in range(8)}
    counts = [Count(name, behind) for name, behind in parts.items()]
    shown = protect(counts, [Equation("all", tuple(parts))], {"all": 8 * 18}, POLICY)
    # Rounded up seven times, eighteen leave four of the total for the last one.
    assert all(is_withheld(number) or number >= POLICY.min_people for number in shown.values())
