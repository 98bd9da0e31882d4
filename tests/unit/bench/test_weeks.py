"""The bench of the analysis over days: its market is one, its figures are of what was played."""

from cloud_marketdata.bench import week
from cloud_marketdata.bench.week import Analysis, Market, Plan, measure
from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.storage.ports import StreamKind


def test_the_market_of_the_bench_has_a_book_that_never_crosses():
    market = Market(Plan(1, 4, 8))
    whole, *changes = market.second(0)[1]
    book = OrderBook(whole)
    for second in range(1, 300):
        for change in changes:
            assert change.first_id == book.update_id + 1
            book.apply(change)
            assert book.best_bid()[0] < book.best_ask()[0]
        changes = market.second(second)[1]


def test_every_fold_of_the_registry_is_weighed(monkeypatch):
    monkeypatch.setattr(week, "_DAY_S", 120)
    found = measure(Plan(2, 4, 8))

    market = Market(Plan(2, 4, 8))
    played = [market.second(second) for second in range(240)]
    assert found.days[-1].trades == sum(len(trades) for trades, _ in played)
    assert found.days[-1].changes == sum(len(changes) for _, changes in played)
    assert found.folds == len(week.FOLDS)
    assert found.days[0].state_kb < found.days[1].state_kb


def test_what_was_told_is_let_go():
    market, analysis = Market(Plan(1, 1, 1)), Analysis()
    for second in range(200):
        trades, changes = market.second(second)
        analysis.take(StreamKind.BOOK, changes)
        analysis.take(StreamKind.TRADES, trades)

    assert analysis._stage.take() == ([], [])
    assert analysis._stage.followed.believed is not None
