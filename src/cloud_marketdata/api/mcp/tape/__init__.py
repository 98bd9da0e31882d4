"""The live tape in bounded pieces: read on from a cursor, wait a little, tell what came."""
