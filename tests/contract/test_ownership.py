"""A duty in a data folder has one owner."""

import pytest

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.storage.embedded.ownership import owned


def test_a_second_owner_is_refused_until_the_first_is_gone(tmp_path):
    with owned(tmp_path, "collect"):
        with pytest.raises(BadRequestError, match="already"), owned(tmp_path, "collect"):
            pass
        with owned(tmp_path, "process"):
            pass
    with owned(tmp_path, "collect"):
        pass
