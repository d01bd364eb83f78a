"""What leaves the kit: the page of a client, its exports, and an index over clients."""
