"""What moves from one tier to the next, and what may go: a pure plan, and the steps that apply it.

Nothing is forgotten before the next tier holds it, closed and with an equal content.
"""
