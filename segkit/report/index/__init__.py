"""Over many runs: the index of clients, how they stand beside each other, two runs compared."""
