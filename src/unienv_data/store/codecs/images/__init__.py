"""Still images as chunks: one picture a row, by formats that every library reads."""

from __future__ import annotations

from unienv_data.store.codecs.images.codec import ImageCodec, image_codec
from unienv_data.store.codecs.images.formats import FORMATS, ImageFormat
from unienv_data.store.codecs.images.picture import PictureCodec
from unienv_data.store.codecs.images.specs import IMAGE_CODECS, IMAGE_SPECS

__all__ = [
    "FORMATS",
    "IMAGE_CODECS",
    "IMAGE_SPECS",
    "ImageCodec",
    "ImageFormat",
    "PictureCodec",
    "image_codec",
]
