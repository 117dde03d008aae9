"""How often each workflow was asked, and what came of it."""
