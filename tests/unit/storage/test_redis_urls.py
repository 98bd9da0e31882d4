"""The URL of a Redis may hold a password, which no error may repeat."""

import pytest

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis.url import Options


@pytest.mark.parametrize(
    "url", ["redis://:hunter2/x@host:6379/0", "redis://me:hunter2#y@host:6379"]
)
def test_no_text_about_a_url_repeats_its_password(url):
    try:
        told = Options(url, 1.0).address
    except StorageError as error:
        told = str(error)
    assert "hunter2" not in told
