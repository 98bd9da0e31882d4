"""Tickers that wait too long, and tickers where the book knows nothing."""

from frames import delta, quote, snapshot

from cloud_marketdata.collectors.lanes import tickercheck
from cloud_marketdata.collectors.lanes.tickercheck import TickerCheck
from cloud_marketdata.domain.book import OrderBook


def test_tickers_that_wait_too_long_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(tickercheck, "_WAITING_MAX", 2)
    check = TickerCheck()
    for at in (104, 105, 106, 107):
        check.quote(quote(at), None)
    assert (check.dropped, check.equal) == (2, 0)
    book = OrderBook(snapshot(100))
    for at in range(101, 108):
        book.apply(delta(at, at))
        check.reached(book)
    assert (check.equal, check.different, check.dropped) == (2, 0, 2)


def test_a_price_beyond_what_the_book_knows_is_no_difference():
    check = TickerCheck()
    book = OrderBook(snapshot(100), 1)
    assert (book.known_bid, book.known_ask, book.knows(1)) == (10, 20, True)
    book.apply(delta(101, 101, None, ((10, 0), (7, 1))))
    assert (book.knows(1), book.top(5)) == (False, ((), ((20, 1),)))
    check.quote(quote(101, (9, 5)), book)
    assert (check.unknown, check.equal, check.different) == (1, 0, 0)
    # Equal is a proof all the same.
    check.quote(quote(101, (7, 1)), book)
    assert (check.unknown, check.equal, check.different) == (1, 1, 0)
