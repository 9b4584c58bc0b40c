"""Turns a trained model into microcontroller firmware and tells the truth about it.

The stages of the command line are functions of ``tinyml.api``::

    from tinyml import api

    board = api.load_board("nucleo_l4r5zi")
    plan = api.plan(api.load("model.tflite"), board)
    built = api.build(plan, board)
    run = api.simulate(built, board, inputs)
"""

__version__ = "0.1.0"

#: What pip installs: the name tinyml on PyPI is another project's.
DISTRIBUTION = "tinyml-firmware"
