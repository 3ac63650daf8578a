"""What other libraries are given of this one, a room each; none of them is imported before it is needed."""
