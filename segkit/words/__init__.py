"""What says things: texts and their translations, advice, and how numbers and dates are written."""
