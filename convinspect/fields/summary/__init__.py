"""From fields to what the report says of them."""
