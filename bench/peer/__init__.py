"""The same rules in a Quix Streams application, for comparison; `app` runs in an environment of its own."""
