"""What the laws about rules and dashboards stand on: an expression's names are read right."""

import pytest
from promql import complaints, named


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ("rate(cmd_trades_total[5m])", {"cmd_trades_total"}, set()),
        (
            'sum by (job, venue) (rate(cmd_trades_total{symbol!="other", venue=~".*"}[5m])) > 0.5',
            {"cmd_trades_total"},
            {
                (None, "job"),
                (None, "venue"),
                ("cmd_trades_total", "symbol"),
                ("cmd_trades_total", "venue"),
            },
        ),
        (
            "cmd_members < on (group) max_over_time(cmd_members[1h] offset 5m) or vector(0)",
            {"cmd_members"},
            {(None, "group")},
        ),
        (
            'a:b:c{x="by (y) {z}"} unless ignoring (w) up',
            {"a:b:c", "up"},
            {("a:b:c", "x"), (None, "w")},
        ),
        ("histogram_quantile(0.99, sum by (le) (m_bucket)) > 1.7e9", {"m_bucket"}, {(None, "le")}),
    ],
)
def test_names_are_read(expression, metrics, labels):
    assert named(expression) == (metrics, labels)


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("rate(cmd_trades_total[5m])", []),
        ("rate(cmd_trade_total[5m])", ["no metric cmd_trade_total"]),
        ('cmd_members{venue="x"}', ["no label venue of cmd_members"]),
        ("sum by (le) (cmd_members)", ["no label le of cmd_members"]),
        ("sum by (le, stage) (cmd_ingest_latency_seconds_bucket)", []),
        ("sum by (le) (cmd_ingest_latency_seconds_count)", ["no label le of"]),
        ("cmd_ingest_latency_seconds", ["no metric cmd_ingest_latency_seconds"]),
    ],
)
def test_what_does_not_exist_is_complained_of(expression, wrong):
    found = complaints(expression)

    assert len(found) == len(wrong)
    assert all(one.startswith(said) for one, said in zip(found, wrong, strict=True))
