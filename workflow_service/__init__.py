"""Step 2: event, match, action."""
