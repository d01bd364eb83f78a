"""Data sets that come with the kit: the CDNOW sample, and a made-up Spanish shop."""
