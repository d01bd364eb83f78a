"""A run over clients: what can fail is looked at first, then notebooks, reports and an index."""
