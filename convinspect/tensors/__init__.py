"""Tensors and operator arguments as records, and what every room asks of a tensor: identity, parts, names."""
