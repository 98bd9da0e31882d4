"""A table says the same in every form, to the last digit, and is refused before it is made."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tape import ROOT, floats_in
from wired import MEDIA, TABLES, WINDOW

from cloud_marketdata.api.composite.schemas import CompositeRow, Share
from cloud_marketdata.api.envelope import TradeId
from cloud_marketdata.api.schemas import Level
from cloud_marketdata.api.wire.columnar import TooPreciseError, arrow_table
from cloud_marketdata.api.wire.columns import Kind, columns_of
from cloud_marketdata.api.wire.commas import as_csv
from cloud_marketdata.api.wire.preferences import preferences
from cloud_marketdata.api.wire.tables import Table

LISTS = ("rows", "steps", "controls", "bars", "intervals", "anomalies")


def rows_of(data: object) -> list[dict[str, Any]]:
    """Find the rows in an answer's JSON, as its documentation names them."""
    if isinstance(data, list):
        return data
    if "bids" in data:
        sides = {"bid": data["bids"], "ask": data["asks"]}
        return [{"side": side, **level} for side, levels in sides.items() for level in levels]
    rows = next(data[name] for name in LISTS if name in data)
    if rows and "zones" in rows[0]:
        return [{"open_time": bar["open_time"], **row} for bar in rows for row in bar["rows"]]
    return rows


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write a row as flat names; what is null has no names of its own inside."""
    found = {}
    for name, value in row.items():
        if isinstance(value, dict) and name not in {"measures", "detail", "ours", "theirs"}:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def said(value: object) -> object:
    """Bring a value of any form to what it says."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def asked(reader: TestClient, path: str, form: str) -> Response:
    answer = reader.get(path, params=TABLES[path] | {"format": form})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].split(";")[0] == MEDIA[form]
    return answer


@pytest.mark.parametrize("path", TABLES)
@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_columns_hold_what_json_says(reader: TestClient, path: str, form: str) -> None:
    whole = asked(reader, path, "json").json()
    content = asked(reader, path, form).content
    table = (
        pq.read_table(io.BytesIO(content))
        if form == "parquet"
        else pa.ipc.open_stream(content).read_all()
    )
    rows = [flat(row) for row in rows_of(whole["data"])]
    assert table.num_rows == len(rows)
    for got, want in zip(table.to_pylist(), rows, strict=True):
        assert {name: said(value) for name, value in got.items() if name in want} == {
            name: said(value) for name, value in want.items() if name in got
        }
        # Names that only one of the two has are those inside of a model that is null.
        assert {got[name] for name in got.keys() - want.keys()} <= {None}
        assert {want[name] for name in want.keys() - got.keys()} <= {None}
    beside = {name.decode(): json.loads(text) for name, text in table.schema.metadata.items()}
    assert beside["meta"] == whole["meta"]
    if isinstance(whole["data"], dict):
        assert beside["data"].items() <= whole["data"].items()
        assert len(whole["data"]) - len(beside["data"]) in {1, 2}


@pytest.mark.parametrize("path", TABLES)
def test_csv_holds_what_json_says(reader: TestClient, path: str) -> None:
    rows = [flat(row) for row in rows_of(asked(reader, path, "json").json()["data"])]
    lines = list(csv.DictReader(io.StringIO(asked(reader, path, "csv").text, newline="")))
    assert len(lines) == len(rows)
    for got, want in zip(lines, rows, strict=True):
        for name in got:
            value = want.get(name)
            text = str(value).lower() if isinstance(value, bool) else said(value)
            assert got[name] == (text or ""), name


@pytest.mark.parametrize("path", TABLES)
def test_no_number_but_a_score_is_a_float_column(reader: TestClient, path: str) -> None:
    schema = pa.ipc.open_stream(asked(reader, path, "arrow").content).schema
    floats = {field.name for field in schema if pa.types.is_floating(field.type)}
    assert floats <= {"statistic", "threshold", "baseline"}
    assert not floats_in(asked(reader, path, "json").json()["data"]) or "coverage" in path


exact = st.decimals(allow_nan=False, allow_infinity=False, places=9).map(lambda one: f"{one:f}")


@given(st.lists(exact, min_size=1))
def test_a_decimal_column_holds_every_digit_or_refuses(texts: list[str]) -> None:
    rows = [Level(price=text, size="1") for text in texts]
    table = Table(columns_of(Level, rows), rows, {})
    digits = max(len(text.lstrip("-").replace(".", "").lstrip("0")) for text in texts)
    if digits > 38:
        with pytest.raises(TooPreciseError):
            arrow_table(table)
    else:
        made = arrow_table(table)["price"].to_pylist()
        assert [str(one) for one in made] == [str(Decimal(text)) for text in texts]
    assert [line.split(",")[0] for line in as_csv(table).decode().split()[1:]] == texts


def test_each_venue_of_a_row_has_its_columns() -> None:
    one, two = (Share(buy=size, sell="0.5", buy_count=1, sell_count=2) for size in ("1.25", "3.5"))
    beside = {"low": "1", "high": "2", "buy": "9", "sell": "9", "buy_count": 1, "sell_count": 1}
    rows = [
        CompositeRow(**beside, by_venue={"bybit-linear": one}),
        CompositeRow(**beside, by_venue={"binance-usdm": two}),
    ]
    table = arrow_table(Table(columns_of(CompositeRow, rows), rows, {}))
    assert table["by_venue.bybit-linear.buy"].to_pylist() == [Decimal("1.25"), None]
    assert table["by_venue.binance-usdm.buy"].to_pylist() == [None, Decimal("3.5")]


def test_an_id_is_text_whoever_made_it(reader: TestClient) -> None:
    assert TradeId == int | str
    schema = pa.ipc.open_stream(asked(reader, f"{ROOT}/trades", "arrow").content).schema
    assert schema.field("id").type == pa.string()


def test_every_kind_of_column_is_known() -> None:
    kinds = {column.kind for column in columns_of(CompositeRow, [])}
    assert kinds == {Kind.DECIMAL, Kind.INTEGER}


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/*", "csv"),
        ("text/csv", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/json;q=0.1, text/csv", "csv"),
        ("text/csv;q=0.5, application/vnd.apache.parquet;q=0.8, */*;q=0.1", "parquet"),
        ("application/*;q=0.2, application/vnd.apache.arrow.stream;q=0.3", "arrow"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
        ("*/*, application/json;q=0", "csv"),
        ("application/json;q=zero", "json"),
    ],
)
def test_the_form_is_the_one_that_is_wanted_most(reader, accept, form) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = reader.get(f"{ROOT}/candles", headers=headers)
    assert answer.headers["content-type"].split(";")[0] == MEDIA[form]


def test_a_named_form_counts_more_than_accept(reader: TestClient) -> None:
    headers = {"Accept": "text/html"}
    answer = reader.get(f"{ROOT}/candles", params={"format": "csv"}, headers=headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        ({"format": "xlsx"}, {}),
        ({"format": ""}, {}),
        ({}, {"Accept": "text/html"}),
        ({}, {"Accept": "application/json;q=0"}),
        ({}, {"Accept": "*/*;q=0"}),
    ],
)
def test_what_is_not_to_be_had_is_refused_before_anything_is_looked_for(
    reader: TestClient, params: dict[str, str], headers: dict[str, str]
) -> None:
    # The market does not exist and the limit is no number, but nobody has looked.
    path = "/v1/markets/binance-usdm/NOSUCH/trades"
    answer = reader.get(path, params={"limit": "many", **params}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "text/csv" in answer.json()["detail"]


def test_a_refusal_is_a_problem_in_whatever_form_the_answer_was_wanted(reader: TestClient) -> None:
    answer = reader.get("/v1/markets/binance-usdm/NOSUCH/trades", headers={"Accept": "text/csv"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("form", MEDIA)
def test_links_lead_through_all_pages_in_any_form(reader: TestClient, form: str) -> None:
    start = WINDOW["start"]
    url = f"{ROOT}/candles?timeframe=1s&limit=50&format={form}&start={start}"
    seen = 0
    for _ in range(100):
        answer = reader.get(url)
        assert answer.status_code == 200
        seen += 1
        if "link" not in answer.headers:
            break
        target, relation = answer.headers["link"].split(">; ")
        assert relation == 'rel="next"'
        url = str(answer.url.join(target.lstrip("<")))
        assert f"format={form}" in url
    assert seen > 3


def test_the_quality_header_says_what_the_meta_says(reader: TestClient) -> None:
    path = f"{ROOT}/candles"
    quality = asked(reader, path, "json").json()["meta"]["quality"]
    header = asked(reader, path, "csv").headers["x-quality"]
    told = dict(part.split("=", 1) for part in header.split(", "))
    assert json.loads(told["as_of"]) == quality["as_of"]
    assert Decimal(json.loads(told["coverage"])) == Decimal(str(quality["coverage"]))
    assert int(told["gaps"]) == quality["gaps_total"]
    assert int(told["reasons"]) == len(quality["reasons"])


@given(st.text(max_size=80))
def test_any_list_of_preferences_can_be_read(text: str) -> None:
    for preference in preferences(text):
        assert 0 <= preference.weight <= 1
        assert preference.name == preference.name.strip() != ""
