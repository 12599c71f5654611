"""Published networks, written small, with torchvision's layout and parameter names where it has them.

They are here for their published numbers: parameters to the last one, multiply-accumulates to the printed digits.
"""
