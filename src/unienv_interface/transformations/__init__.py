"""Transformations: values of one space made into values of another."""

from __future__ import annotations

from unienv_interface.transformations.chained import ChainedTransformation
from unienv_interface.transformations.crop import CropTransformation
from unienv_interface.transformations.dict import DictTransformation
from unienv_interface.transformations.filter_dict import (
    DictExcludeKeyTransformation,
    DictIncludeKeyTransformation,
    FilterDictTransformation,
)
from unienv_interface.transformations.flatten_dict import (
    FlattenDictTransformation,
    UnflattenDictTransformation,
)
from unienv_interface.transformations.identity import IdentityTransformation
from unienv_interface.transformations.image_resize import ImageResizeTransformation
from unienv_interface.transformations.image_to_float import (
    FloatToImageTransformation,
    ImageToFloatTransformation,
)
from unienv_interface.transformations.normalize import DenormalizeTransformation, NormalizeTransformation
from unienv_interface.transformations.registry import register_transformation, transformation_ids
from unienv_interface.transformations.rescale import RescaleTransformation
from unienv_interface.transformations.serialization import json_to_transformation, transformation_to_json
from unienv_interface.transformations.transformation import DataTransformation

__all__ = [
    "ChainedTransformation",
    "CropTransformation",
    "DataTransformation",
    "DenormalizeTransformation",
    "DictExcludeKeyTransformation",
    "DictIncludeKeyTransformation",
    "DictTransformation",
    "FilterDictTransformation",
    "FlattenDictTransformation",
    "FloatToImageTransformation",
    "IdentityTransformation",
    "ImageResizeTransformation",
    "ImageToFloatTransformation",
    "NormalizeTransformation",
    "RescaleTransformation",
    "UnflattenDictTransformation",
    "json_to_transformation",
    "register_transformation",
    "transformation_ids",
    "transformation_to_json",
]
