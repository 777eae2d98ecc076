"""Pre- and postprocessing as a contract: from a picture to a model's input, and from its output to an answer.

The steps are data (`steps`): read from text (`parsing`), kept in a bundle's manifest (`document`), applied in
Python (`arithmetic`), and exact enough for an app to repeat them bit by bit.
"""

from edgepack.processing.steps import Postprocess, Preprocess

__all__ = ["Postprocess", "Preprocess"]
