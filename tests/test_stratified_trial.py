"""A trial with strata, three arms and many clusters, by `holf new` and the data files of `tests/star` alone.

Project STAR randomised classes of three types inside schools. Its kindergarten rows are those of the R package mlmRev,
which this repository does not carry: where R and the package are installed they are read, elsewhere the twin stands for
them alone. The answers on the real rows are R's: clubSandwich on ``lm(math ~ small + sch)``, and lmerTest with Kenward
and Roger's degrees of freedom on ``lmer(math ~ small + sch + (1 | tch))``.
"""

import difflib
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import holf
from holf.book.new_trial import write_trial

pytestmark = pytest.mark.slow

OWN = Path(__file__).parent / "star"
MLMREV = Path("/usr/lib/R/site-library/mlmRev")
# Estimate, standard error, degrees of freedom and p, as R prints them.
R = {
    "cr2": (8.8354785, 2.6847726, 128.07785, 0.0012901634),
    "mixed": (8.072361874, 2.782387968, 144.480943232, 0.004299051),
}


def twin() -> pd.DataFrame:
    """Rows of the same form: six classes in each of 18 schools, a difference inside schools that schools drown."""
    rng = np.random.default_rng(11)
    school = np.repeat(np.arange(18), 6)
    arm = np.concatenate([rng.permutation(["small", "reg", "reg+A"] * 2) for _ in range(18)])
    level = 480 + 30 * rng.normal(size=18)[school] + 9 * rng.normal(size=108) + 9 * (arm == "small")
    one = np.repeat(np.arange(108), rng.integers(5, 15, 108))
    score = np.where(np.arange(len(one)) % 17, (level[one] + 40 * rng.normal(size=len(one))).round(), np.nan)
    girl = rng.choice(["F", "M"], len(one))
    return pd.DataFrame(
        {"id": np.arange(len(one)), "tch": one, "sch": school[one], "cltype": arm[one], "math": score, "sx": girl}
    )


def star() -> pd.DataFrame:
    """The kindergarten rows of the R package."""
    code = 'library(mlmRev); write.csv(star[star$gr == "K" & !is.na(star$sx), ], row.names = FALSE)'
    done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    return pd.read_csv(StringIO(done.stdout))


ROWS = {"twin": twin} | ({"star": star} if shutil.which("Rscript") and MLMREV.exists() else {})


def write_tables(rows: pd.DataFrame, folder: Path) -> None:
    """Classes and children, as a team would have them."""
    rows = rows.assign(
        class_id="T" + rows["tch"].astype(str),
        school_id="S" + rows["sch"].astype(str),
        child_id="C" + rows["id"].astype(str),
        cltype=rows["cltype"].map({"small": "small", "reg": "regular", "reg+A": "aide"}),
        girl=(rows["sx"] == "F").astype(int),
        math_k=rows["math"].astype("Int64"),
    )
    shutil.rmtree(folder)
    folder.mkdir()
    rows[["class_id", "school_id", "cltype"]].drop_duplicates().to_csv(folder / "classes.csv", index=False)
    rows[["child_id", "class_id", "girl", "math_k"]].to_csv(folder / "children.csv", index=False)


@pytest.fixture(scope="module", params=ROWS)
def trial(request, tmp_path_factory):
    """Name and rows of a trial, and its book; `holf` works for it while a test of this module runs."""
    rows, book = ROWS[request.param](), write_trial(tmp_path_factory.mktemp("star") / "book")
    shutil.copytree(OWN, book, dirs_exist_ok=True)
    write_tables(rows, book / "tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLF_ROOT", str(book))
        yield request.param, rows, book


def test_an_author_writes_at_most_sixty_lines():
    template = Path(holf.__file__).parents[1] / "templates" / "trial"
    written = [
        line
        for path in OWN.rglob("*")
        if path.is_file()
        for line in difflib.ndiff(*((one / path.relative_to(OWN)).read_text().splitlines() for one in (template, OWN)))
        if line.startswith("+ ") and line.strip("+ ")
    ]
    assert 20 < len(written) <= 60


def test_the_effect_is_that_inside_schools(trial):
    name, rows, book = trial
    study, two = holf.open_study(book / "tables"), rows[rows["cltype"] != "reg+A"].dropna(subset=["math"])
    found = {estimator: study.effect("mathematics", estimator=estimator) for estimator in R}
    if name == "star":
        for estimator, numbers in R.items():
            one = found[estimator]
            assert (one.estimate, one.se, one.df, one.p_value) == pytest.approx(numbers, rel=1e-6), estimator
    inside = smf.ols("math ~ I(cltype == 'small') + C(sch)", two).fit().params.iloc[1]
    assert found["cr2"].estimate == pytest.approx(inside, rel=1e-9) and found["cr2"].strata == "school_id"
    across = two.groupby("cltype")["math"].mean()
    assert abs(found["cr2"].estimate - (across["small"] - across["reg"])) > 0.5
    assert found["cr2"].n_clusters == two["tch"].nunique() > 32


def test_too_many_allocations_are_sampled_the_same_way_each_time_and_said_to_be(trial):
    _, _, book = trial
    first, again = (holf.open_study(book / "tables").exact("mathematics") for _ in range(2))
    assert first == again and not any(one.exact for one in first)


def test_the_book_builds_and_a_question_without_an_answer_has_no_row(trial):
    _, _, book = trial
    command = [sys.executable, "-m", "holf.cli", "build"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=book)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    page = (book / "_build" / "html" / "chapters" / "effects.html").read_text(encoding="utf-8")
    assert "a sample of" in page and "Project STAR" in page and "Largest shift with one class left out" in page
    assert "child average minus class average" not in page.lower()
