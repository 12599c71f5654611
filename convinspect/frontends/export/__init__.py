"""Exported programs: their graph, run node by node under the modules that its nodes remember."""
