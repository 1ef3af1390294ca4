"""What can run a bundle's network: one file an engine, all behind the same few calls.

ONNX Runtime runs every bundle. OpenVINO runs those that `hilum optimize` wrote, where it is
installed. Nothing here is imported before it is needed.
"""
