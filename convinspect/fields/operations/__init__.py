"""The field of a tensor, and what rules are made of: functions from fields to fields."""
