"""Target to model."""
