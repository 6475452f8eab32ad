"""Backbones: frames → one feature vector per frame. Importing this registers them all."""

from onball.models.backbones import blind, image, x3d
from onball.models.backbones.base import BACKBONES, Backbone, BackboneSetup

__all__ = ["BACKBONES", "Backbone", "BackboneSetup", "blind", "image", "x3d"]
