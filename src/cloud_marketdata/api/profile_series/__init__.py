"""Profiles in the course of time: how they grew, and which of their controls were left behind."""
