import pytest


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    """Keep what a service writes beside its stores, such as the audit log, out of the checkout."""
    monkeypatch.chdir(tmp_path)
