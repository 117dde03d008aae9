"""Step 1: services publish what happened."""
