"""A channel out of what a client writes: what means the same is the same channel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from studio import SYMBOL, VENUE

from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion
from cloud_marketdata.api.stream.asking import PARAMS, UnknownChannelError, channel_of
from cloud_marketdata.api.stream.channels.pictures import question_of
from cloud_marketdata.api.stream.ports import ChannelName
from cloud_marketdata.core.errors import BadTimeError

SAME = [
    ("depth", {}, {"levels": 50}),
    ("depth", {"levels": "20"}, {"levels": 20}),
    ("volume-profile", {"va_pct": "70.00"}, {"va_pct": 70}),
    ("volume-profile", {"row_ticks": None}, {}),
    ("volume-profile", {"start": "2024-08-08T23:58:00Z"}, {"start": 1_723_161_480_000}),
    ("volume-profile", {"start": "2024-08-09T01:58:00+02:00"}, {"start": "1723161480000"}),
    ("candles", {"timeframe": "1m", "exact": False}, {}),
    ("order-flow", {"reset": "anchor", "anchor": 1_000}, {"anchor": "1000", "reset": "anchor"}),
    ("anomalies", {"kinds": "sweep, absorption"}, {"kinds": "absorption,sweep,sweep"}),
    ("anomalies", {"severity": ""}, {}),
]
DIFFERENT = [
    ("depth", {"levels": 20}, {"levels": 21}),
    ("volume-profile", {"start": 1_000}, {"end": 1_000}),
    ("volume-profile", {"rolling": 5}, {"rolling": 6}),
    ("candles", {}, {"timeframe": "5m"}),
    ("anomalies", {"kinds": "sweep"}, {"severity": "warn"}),
]


def asked(name: str, params: dict) -> object:
    return channel_of(name, VENUE, SYMBOL, params)


@pytest.mark.parametrize(("name", "one", "other"), SAME)
def test_what_means_the_same_is_the_same_channel(name, one, other):
    assert asked(name, one) == asked(name, other)


@pytest.mark.parametrize(("name", "one", "other"), DIFFERENT)
def test_what_means_something_else_is_another_channel(name, one, other):
    assert asked(name, one) != asked(name, other)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "start": st.integers(0, 4_102_444_799_999),
            "row_ticks": st.integers(1, 1000),
            "va_pct": st.decimals("0.0001", 100, places=4).map(str),
            "exact": st.booleans(),
        },
    )
)
def test_a_channel_asks_the_question_that_rest_would_be_asked(params):
    question = question_of(asked("volume-profile", params), ProfileQuestion)

    assert question == ProfileQuestion(venue=VENUE, symbol=SYMBOL, **params)


def test_defaults_are_filled_in():
    channel = asked("candles", {})

    assert question_of(channel, CandlesQuestion) == CandlesQuestion(venue=VENUE, symbol=SYMBOL)
    assert ("limit", 500) in channel.params
    assert ("timeframe", "1m") in channel.params


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("depth", {"level": 5}),
        ("depth", {"levels": "many"}),
        ("candles", {"cursor": "abc"}),
        ("order-flow", {"cursor": "abc"}),
        ("anomalies", {"cursor": "abc"}),
        ("trades", {"limit": 5}),
        ("status", {"start": 5}),
        ("volume-profile", {"va_pct": 101}),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_by_name(name, params):
    with pytest.raises(ValidationError) as refused:
        asked(name, params)

    assert refused.value.errors()[0]["loc"] == tuple(params)


def test_a_time_without_offset_and_an_unknown_channel_are_refused():
    with pytest.raises(BadTimeError):
        asked("candles", {"start": "2024-08-08T23:58:00"})
    with pytest.raises(UnknownChannelError, match="there is trades, depth"):
        asked("tardes", {})


def test_every_channel_says_which_parameters_it_takes():
    assert set(PARAMS) == set(ChannelName)
    assert all(model.model_config["extra"] == "forbid" for model in PARAMS.values())
    assert "description" in PARAMS[ChannelName.CANDLES].model_json_schema()
