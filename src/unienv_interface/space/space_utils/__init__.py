"""Functions on spaces, and on values by their spaces."""
