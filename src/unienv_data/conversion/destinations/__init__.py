"""Where what is converted comes to stand: whole, or not at all."""
