"""Writes into a part of a tensor: what each element of its storage depends on afterwards."""
