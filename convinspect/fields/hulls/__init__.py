"""What each element of a tensor depends on along one axis of the input: integer arithmetic, without torch."""
