"""What a run writes down while it runs: operators under module scopes, and why a forward stopped."""
