"""What every page stands on: templates, style sheets, what a page may contain."""
