"""One importer per source format; each ends in a float .tflite, channels last, batch of one.

A module has ``import_model(source, options) -> Imported``. Those that need a framework name it in
``PACKAGES`` and run in a process of their own (``tinyml.convert.child``).
"""
