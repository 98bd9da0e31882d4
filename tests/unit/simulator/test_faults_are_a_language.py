"""What is written is what is meant: faults are read, written back, and refused in one line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.simulator.faults.grammar import KINDS
from cloud_marketdata.simulator.faults.language import Fault, FaultError, parse
from cloud_marketdata.simulator.faults.mischief import STRIKERS

PAGE = Path(__file__).parents[3] / "docs/simulator.md"
BLOCKS = re.findall(r"^```faults\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
EXAMPLES = [line for block in BLOCKS for line in block.splitlines()]
VALUES = {
    "symbol": st.sampled_from(["BTCUSDT", "1000PEPEUSDT", "币安人生USDT"]),
    "client": st.integers(1, 99).map(str) | st.sampled_from(["oldest", "newest"]),
    "venue": st.sampled_from(["binance-spot", "bybit-linear"]),
    "chance": st.floats(0, 1, exclude_min=True),
    "how": st.sampled_from(["cut", "types"]),
    "field": st.sampled_from(["open", "count", "taker_buy_volume"]),
    "path": st.sampled_from(["depth", "ticker/24hr"]),
    "divide": st.sampled_from([2, 5, 10, 100]),
    "inbound": st.integers(1, 60),
    "retry-after": st.integers(1, 10**6),
}
WHOLE = st.integers(1, 10**12)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(list(KINDS)))
    grammar = KINDS[kind]
    target = draw(st.sampled_from(grammar.targets)) if grammar.targets else ""
    needed = draw(st.sampled_from(grammar.needs)) if grammar.needs else None
    selector = draw(st.sampled_from(["at", "every", "chance"]))
    values = {}
    for parameter in grammar.parameters:
        name = parameter.name
        excluded = name in {"at", "every", "chance"} and name != selector
        wanted = name == needed or (name not in grammar.needs and draw(st.booleans()))
        if wanted and not excluded:
            values[parameter.field] = draw(VALUES.get(name, WHOLE))
    return Fault(kind=kind, target=target, **values)


@given(st.lists(faults(), min_size=1, max_size=4))
def test_what_is_written_reads_as_what_it_was(asked):
    assert parse("; ".join(map(str, asked))) == asked


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_reads_and_writes_as_it_stands(example):
    (fault,) = parse(example)
    assert parse(str(fault)) == [fault]
    assert set(str(fault).split()) == set(example.split())


def test_the_page_shows_every_kind_and_every_parameter():
    words = [re.split(r"[ =]", example) for example in EXAMPLES]
    assert {kind for kind, *_ in words} == set(KINDS)
    parameters = {p.name for grammar in KINDS.values() for p in grammar.parameters}
    assert parameters <= {word for line in words for word in line}


def test_every_kind_that_can_be_asked_for_strikes_and_no_other():
    assert {name.split()[0] for name in STRIKERS} == set(KINDS)


def test_times_may_be_written_in_any_unit_and_are_kept_exactly():
    (one,), (other,) = parse("skew ms=5 after=0.5s for=2m"), parse("skew for=120 ms=5 after=500ms")
    assert one == other
    assert (one.after, one.lasting) == (500, 120_000)
    assert str(one) == "skew ms=5 after=500ms for=2m"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the kinds are drop,"),
        (" ; ;", "the kinds are drop,"),
        ("dorp trade", "no kind 'dorp'"),
        ("drop", "expected one of trade, depth, ticker, any behind the kind"),
        ("drop quote", "expected one of trade, depth, ticker, any behind the kind, not 'quote'"),
        ("cut now", "expected name=value only behind the kind, not 'now'"),
        ("drop trade evry=5", "'evry' is not one of symbol, client,"),
        ("drop trade every=5 every=6", "'every' is twice"),
        ("drop trade every=0", "every is a whole number from 1"),
        ("drop trade every=1.5", "every is a whole number from 1"),
        ("drop trade at=1 chance=0.5", "at, every and chance exclude each other"),
        ("drop trade chance=0", "chance is a number above 0"),
        ("drop trade chance=nan", "chance is a number above 0"),
        ("drop trade after=2d", "after is a time such as"),
        ("drop trade after=-2s", "after is a time such as"),
        ("drop trade after=0", "after is a time such as"),
        ("drop trade venue=kraken", "venue is one of binance-spot,"),
        ("drop trade client=x", "client is a whole number"),
        ("drop trade symbol=", "symbol is a word"),
        ("gap trade", "expected one of depth behind the kind"),
        ("delay any", "it needs exactly one of ms"),
        ("skew ms=0", "not 0"),
        ("tick divide=3", "divides a power of ten"),
        ("limit", "it needs exactly one of weight, inbound"),
        ("limit weight=5 inbound=5", "it needs exactly one of weight, inbound"),
        ("limit inbound=61", "from 1 to 60"),
        ("rest 404", "expected one of 429,"),
        ("malformed trade how=badly", "how is one of cut, types"),
        ("drop trade " + "x" * 5000, "is not one of"),
    ],
)
def test_what_is_not_in_the_language_is_refused_in_one_line(text, reason):
    with pytest.raises(FaultError, match=re.escape(reason)) as told:
        parse(text)
    assert "\n" not in str(told.value)


@given(st.text(max_size=60))
def test_no_text_is_too_strange_to_be_refused(text):
    try:
        asked = parse(text)
    except FaultError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most texts are refused, a few are not
    else:
        assert parse("; ".join(map(str, asked))) == asked
