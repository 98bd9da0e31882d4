"""From the log's streams of one market, in the order of match time, to readings and signals."""
