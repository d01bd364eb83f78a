"""One client at one date: what its parts stand on (`base`), one file a part, and the study."""
