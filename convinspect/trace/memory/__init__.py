"""Bytes that are alive during a run: the timeline of allocations, peaks, and what the device itself measured."""
