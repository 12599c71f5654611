"""Targets that are files: archives, programs, weights and reports."""
