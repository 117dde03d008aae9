"""Step 3: action, delivery, retry or dead letter."""
