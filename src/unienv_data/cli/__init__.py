"""The command `unienv-data`: thin, typed commands over library calls.

A command's module imports what it runs inside the command, so that `--help` answers at once.
"""
