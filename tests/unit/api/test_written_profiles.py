"""Text that is written for all rows at once is what the declared model of each row says."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tape import BTC

from cloud_marketdata.api.envelope import Meta, QualityOut
from cloud_marketdata.api.profile_rows import ProfileRows, profile_rows, row_model
from cloud_marketdata.api.profile_text import rows_json
from cloud_marketdata.api.profiles import profile_data
from cloud_marketdata.api.questions import ProfileQuestion
from cloud_marketdata.api.schemas import Profile, ProfileAnswer, Row
from cloud_marketdata.api.unread import Unread
from cloud_marketdata.api.written import written
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.values import Timeframe

ROWS = TypeAdapter(list[Row])
STEPS = ("0.1", "0.25", "1", "5", "10", "1E+2", "0.0500", "0.00000001", "1E-12")
AMOUNTS = st.integers(0, 9) | st.integers(0, 10**7) | st.integers(0, 1 << 66)
CELLS = st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS).filter(any)
PROFILES = st.dictionaries(st.integers(0, 99) | st.integers(0, 10**9), CELLS, max_size=12)
SCALES = st.builds(Scale, *[st.sampled_from(STEPS).map(Decimal)] * 2)
META = Meta(
    quality=QualityOut(
        as_of=None,
        staleness_ms=None,
        coverage=0.5,
        gaps=[],
        gaps_total=0,
        repaired=0,
        late=0,
        revision=0,
        reconciled="pending",
        sources=["binance-usdm"],
        reasons=['a "quoted" reason'],
    ),
    method={},
    resolution=[],
    parts=[],
    range=None,
    next_cursor=None,
)


def models(profile: VolumeProfile) -> list[Row]:
    """Return the rows, each written by Decimal."""
    return [row_model(profile, row) for row in profile.rows()]


def copied(cells: dict) -> dict:
    return {row: list(each) for row, each in cells.items()}


@given(PROFILES, SCALES, st.sampled_from([1, 2, 5, 100, 10**9]))
def test_rows_are_written_as_their_models_are(cells, scale, row_ticks):
    profile = VolumeProfile(scale, row_ticks, copied(cells))
    rows, want = profile_rows(profile), models(profile)

    assert rows == want
    assert [rows[at] for at in range(len(rows))] == list(rows) == want
    if isinstance(rows, ProfileRows):
        assert rows.json == ROWS.dump_json(want)


def test_most_profiles_need_no_model_at_all():
    profile = VolumeProfile(BTC.scale, 1, {617_000: [1, 2, 3, 4, 5, 6]})

    assert isinstance(profile_rows(profile), ProfileRows)


@pytest.mark.parametrize("lots", [(1 << 63) - 1, 1 << 62, 1 << 70])
def test_a_number_beyond_64_bits_is_written_by_decimal(lots):
    profile = VolumeProfile(BTC.scale, 1, {1: [lots, 0, 0, 0, 1, 0], 2: [0, lots, 0, 0, 0, 1]})
    columns = profile.columns()

    assert columns is None or rows_json(columns.table, profile.scale, 1) is None
    assert [row.delta for row in profile_rows(profile)] == [
        f"{sign}{BTC.scale.size(lots):f}" for sign in ("", "-")
    ]


@given(PROFILES, SCALES, st.sampled_from([1, 10, None]))
def test_an_answer_is_written_as_its_model_is(cells, scale, row_ticks):
    part = Aggregate(Instrument(BTC.venue, BTC.symbol, scale), Timeframe.M1, 0)
    part.profile = VolumeProfile(scale, 1, copied(cells))
    question = ProfileQuestion(venue=BTC.venue, symbol=BTC.symbol, row_ticks=row_ticks)
    data = profile_data(part.instrument, [part], question)
    answer = ProfileAnswer(data=data, meta=META)

    document = written(answer)

    assert document.body == answer.model_dump_json().encode()
    plain = Profile(**dict(data) | {"rows": list(data.rows)})
    assert document.body == ProfileAnswer(data=plain, meta=META).model_dump_json().encode()
    assert json.loads(document.body) == answer.model_dump(mode="json")
    assert ProfileAnswer.model_validate_json(document.body) == answer


def test_the_short_identity_changes_with_the_rows_and_with_the_meta():
    def identity(lots: int, meta: Meta) -> bytes:
        part = Aggregate(BTC, Timeframe.M1, 0)
        cells = {row: [5, lots if row == 3 else 7, 1, 1, 1, 1] for row in range(500)}
        # Of the facts nothing changes: what row 3 has more, row 4 has less.
        cells[4][1] = 20 - lots
        part.profile = VolumeProfile(BTC.scale, 1, cells)
        question = ProfileQuestion(venue=BTC.venue, symbol=BTC.symbol, row_ticks=1)
        answer = ProfileAnswer(data=profile_data(BTC, [part], question), meta=meta)
        assert isinstance(answer.data.rows, Unread)
        document = written(answer)
        assert len(document.identity) < len(document.body) / 10
        return document.identity

    other = META.model_copy(update={"next_cursor": "c"})
    assert identity(9, META) == identity(9, META)
    assert len({identity(9, META), identity(8, META), identity(9, other)}) == 3


def test_the_page_of_the_api_still_tells_of_a_list_of_rows():
    schema = Profile.model_json_schema(mode="serialization")

    assert schema["properties"]["rows"]["type"] == "array"
    assert schema["properties"]["rows"]["items"] == {"$ref": "#/$defs/Row"}
    assert Profile.model_json_schema()["properties"]["rows"] == schema["properties"]["rows"]
