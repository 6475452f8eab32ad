"""Exports of a net to ONNX and OpenVINO, and the sessions that run them."""
