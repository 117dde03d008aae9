"""What is measured, how, and the last results: `make bench`.  No test depends on a figure here."""
