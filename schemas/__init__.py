"""The words: what travels on each topic; no I/O."""
