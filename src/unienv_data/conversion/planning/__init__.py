"""What is converted, and how large it will be."""
