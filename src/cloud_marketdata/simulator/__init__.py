"""A venue on 127.0.0.1: the wire formats of Binance and Bybit, from a capture or a seeded market.

It imports nothing of the collectors, the processing, the stores or the API, so that it stays an
independent witness of them.
"""
