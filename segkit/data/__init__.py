"""From files to lines that count, and from lines to customers; all lines stay in the engine."""
