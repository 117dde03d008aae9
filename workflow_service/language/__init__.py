"""What a workflow says and means: parsing, types, conditions, verdicts."""
