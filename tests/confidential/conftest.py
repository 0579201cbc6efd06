"""Tables of a study that looks real, drawn once for all tests of this room."""

import pandas as pd
import pytest
from real_study import real_tables


@pytest.fixture(scope="session")
def tables(tmp_path_factory) -> dict[str, pd.DataFrame]:
    """Tables of a real study by name; take `copied(tables)` to change them."""
    return real_tables(tmp_path_factory.mktemp("real") / "study")
