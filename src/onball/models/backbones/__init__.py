"""Backbones: frames → one feature vector per frame. Importing this package registers them all."""

from onball.models.backbones import adaspot, image, stacker, x3d
from onball.models.components import BACKBONES, Backbone, BackboneSetup

__all__ = ["BACKBONES", "Backbone", "BackboneSetup", "adaspot", "image", "stacker", "x3d"]
