"""How the API's connections are kept: who may stand in the door, for how long, by which HTTP."""
