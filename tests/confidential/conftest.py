"""Tables that look real, drawn once for all tests of this room; take a copy to change them."""

import pandas as pd
import pytest
from dropin_study import small_study
from real_study import real_tables


@pytest.fixture(scope="session")
def tables(tmp_path_factory) -> dict[str, pd.DataFrame]:
    """Tables of a real study by name."""
    return real_tables(tmp_path_factory.mktemp("real") / "study")


@pytest.fixture(scope="session")
def study() -> dict[str, pd.DataFrame]:
    """A few offices of a study, as small as a folder of tables can be."""
    return small_study()
