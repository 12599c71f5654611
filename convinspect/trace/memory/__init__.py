"""Bytes that are alive during a run: the life of every storage, peaks, and what the device itself measured."""
