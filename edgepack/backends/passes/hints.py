"""What a user can do about a refused node, by what stands in its way."""

from __future__ import annotations

OTHERWISE = (
    "replace that operator in the model by simpler ones, or cut the graph there and do its part in the app"
)
BIND = "fix the input that it comes from to a value: --bind NAME=VALUE"
SHAPE = "give the input one: --input NAME:DTYPE[SHAPE]"
DATA_DEPENDENT = "an app has fixed shapes: keep the tensor whole and mask what does not count"
STRINGS = "cut the graph there with onnx.utils.extract_model, and let the app turn texts into numbers"
RANDOM = "take it out for inference: export the model in eval mode"
RANGE = "scale the values, so that 32 bits hold them"
WIDTH = "compute it in float32: on the phone, 8 bits come by --precision int8"
LARGE = "make the tensor smaller, or replace the operator by one whose work does not grow with its square"
ENDLESS = "give it fewer rounds, or cut the graph there and let the app run the loop"
