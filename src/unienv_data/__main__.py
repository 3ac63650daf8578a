"""`python -m unienv_data` is the command `unienv-data`."""

from __future__ import annotations

from unienv_data.cli.app import main

if __name__ == "__main__":
    main()
