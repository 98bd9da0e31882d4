"""Test folders are not packages, so all their modules share one space of names."""

from collections import Counter

from repository import ROOT, python_files

SCRIPTS = {"conftest", "write_page"}
"""What pytest loads by its path, and what is run by hand."""


def test_no_two_modules_of_the_tests_have_one_name():
    names = [path.stem for path in python_files() if ROOT / "tests" in path.parents]
    twice = {name for name, times in Counter(names).items() if times > 1}

    assert twice - SCRIPTS == set()
