"""Starts an S3 server, says who and where it is, and waits to be killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.servers import s3_server

    with s3_server(sys.argv[1]) as server:
        print(server.options["endpoint_url"], flush=True)
        time.sleep(600)
