"""What every room asks of a tensor or an operator: its parts, its memory, its schema, its record without values."""
