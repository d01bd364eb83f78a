"""What everything else stands on: files, YAML, and how objects compute, show and store themselves."""
