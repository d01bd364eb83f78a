"""What the customer table says: key figures, concentration."""
