"""Backbones: frames → one feature vector per frame. Importing this package registers them all."""

from onball.models.backbones import image, x3d
from onball.models.components import BACKBONES, Backbone, BackboneSetup

__all__ = ["BACKBONES", "Backbone", "BackboneSetup", "image", "x3d"]
