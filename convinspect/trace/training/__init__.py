"""The training estimate: one whole step, run on fake tensors."""
