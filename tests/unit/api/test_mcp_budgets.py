"""Answers are cut to what fits, and schemas are shortened without becoming untrue."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import ValidationError, validate
from pydantic import BaseModel

from cloud_marketdata.api.mcp.budget import DEFAULT_TOKENS, MOST_TOKENS, TOKEN_BYTES, fitted
from cloud_marketdata.api.mcp.compaction import compact_input, compact_output
from cloud_marketdata.api.mcp.digests.profile import ProfileDigestAnswer


class Rows(BaseModel):
    """An answer."""

    head: str
    rows: list[str]


def size(answer: BaseModel) -> int:
    return len(answer.model_dump_json().encode())


@given(
    st.integers(0, 3_000),
    st.integers(0, 90_000),
    st.integers(1, 200),
    st.sampled_from(["summary", "rows", "full"]),
    st.none() | st.integers(1, 1000),
)
def test_as_many_rows_are_given_as_fit_and_not_one_more(
    head, total, width, detail, max_rows
) -> None:
    total //= width

    def make(most: int) -> Rows:
        return Rows(head="é" * (head // 2), rows=["x" * width] * most)

    answer = fitted(make, total, detail, max_rows)
    shown = len(answer.rows)
    asked = detail == "full" or max_rows is not None
    room = TOKEN_BYTES * (MOST_TOKENS if asked else DEFAULT_TOKENS)
    most = {"summary": 0, "rows": min(total, 60 if max_rows is None else max_rows), "full": total}
    assert shown <= most[detail]
    if shown:
        assert size(answer) < room
    if shown < most[detail]:
        assert size(make(shown + 1)) >= room


def test_an_answer_comes_as_near_to_its_bound_as_rows_allow() -> None:
    width = 97
    for head in range(width + 3):

        def make(most: int, head: int = head) -> Rows:
            return Rows(head="x" * head, rows=["x" * width] * most)

        left = DEFAULT_TOKENS * TOKEN_BYTES - size(fitted(make, 60, "rows", None))
        assert 0 < left <= width + 3


def test_a_short_schema_accepts_what_the_whole_one_accepts_and_misses_no_field() -> None:
    whole = ProfileDigestAnswer.model_json_schema(mode="serialization")
    short = compact_output(whole)
    data = short["properties"]["data"]
    said = set(data["required"]) | set(data["properties"])
    assert said == set(whole["$defs"]["ProfileDigest"]["properties"])
    meta = short["properties"]["meta"]
    assert set(meta["required"]) == set(whole["$defs"]["Meta"]["properties"])
    quality = meta["properties"]["quality"]["required"]
    assert set(quality) == set(whole["$defs"]["QualityOut"]["properties"])


@pytest.mark.parametrize(
    "broken", [{"data": {}}, {"data": 1, "meta": {}}, {"meta": {}}], ids=["empty", "text", "half"]
)
def test_a_short_schema_still_refuses_what_is_no_answer(broken: dict[str, Any]) -> None:
    short = compact_output(ProfileDigestAnswer.model_json_schema(mode="serialization"))
    with pytest.raises(ValidationError):
        validate(broken, short)


def test_arguments_keep_their_names_their_choices_and_what_is_required() -> None:
    whole = {
        "type": "object",
        "properties": {
            "venue": {"type": "string", "enum": ["a", "b"], "title": "Venue"},
            "start": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            "most": {"type": "integer", "default": 5, "maximum": 9, "description": "how many"},
            "date": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["venue"],
    }
    assert compact_input(whole) == {
        "type": "object",
        "properties": {
            "venue": {"enum": ["a", "b"]},
            "start": {"type": ["string", "integer"]},
            "most": {"type": "integer", "default": 5, "description": "how many"},
            "date": {"type": "string"},
        },
        "required": ["venue"],
    }
