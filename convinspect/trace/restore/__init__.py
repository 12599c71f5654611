"""A model, its inputs and the process, left as they were found."""
