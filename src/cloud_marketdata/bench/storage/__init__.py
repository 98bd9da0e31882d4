"""What a trade, a minute and a day weigh in each tier, and how fast they go in and come out.

The real stores of every tier that can be reached, each beside the bare driver that does the same
with bytes packed before: what lies between the two is the price of what the stores promise.
"""
