"""Servers that tests and benchmarks talk to: of this machine, on free ports, gone with who started them."""

from tests.servers.s3 import S3Server, s3_kind, s3_server

__all__ = ["S3Server", "s3_kind", "s3_server"]
