"""The codecs that are built in, decoded here and by zarr-python, through the shipped suite."""

from __future__ import annotations

from unienv_data.store.codecs import ChunkCodec, ChunkShape, chain_of, make_codec
from unienv_data.store.codecs.standin import ZarrCodec
from unienv_data.testing import CodecTests


class Named(CodecTests):
    spec = ""

    def make_codec(self, chunk: ChunkShape) -> ChunkCodec:
        return make_codec(chain_of(self.spec, chunk), chunk)


class TestZstd(Named):
    spec = "zstd"


class TestZstdOfBytes(Named):
    spec = "zstd:9:noshuffle"


class TestLz4(Named):
    spec = "lz4"


class TestGzip(Named):
    spec = "gzip:1"


class TestRaw(Named):
    spec = "raw"


class TestByZarr(Named):
    spec = "zstd"
    chunks = ((4, "int16", (3,)), (4, "bool", (2,)), (1, "uint8", ()), (8, "float64", (2,)))

    def make_codec(self, chunk: ChunkShape) -> ChunkCodec:
        return ZarrCodec(chain_of(self.spec, chunk), chunk)


class TestOfZarrAlone(Named):
    chunks = TestByZarr.chunks

    def make_codec(self, chunk: ChunkShape) -> ChunkCodec:
        zstd = {"name": "zstd", "configuration": {"level": 3, "checksum": False}}
        return make_codec([*chain_of("raw", chunk)[:1], zstd, {"name": "crc32c"}], chunk)
