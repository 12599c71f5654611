"""Fake tensors: tensors without data that take the path of real ones on the CPU."""
