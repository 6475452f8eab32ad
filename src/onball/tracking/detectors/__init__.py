"""Detectors of players and ball: models in ONNX, the packages rfdetr and ultralytics, tiles."""
