"""moto's S3 server as a program: says where it is, and ends with its standard input."""

from __future__ import annotations

import json
import logging
import sys


def main() -> None:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {"key": "testing", "secret": "testing", "endpoint_url": f"http://{host}:{port}"}
    print(json.dumps(options), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
