"""The passes, one file for each kind of operator; every file here is loaded, none is listed anywhere.

A pass is a function under `@rewrite`: the operators that it is for, the condition under which the converter
needs it, and a body that gives the node's outputs in other operators. What it emits is looked at again, so a
pass may use any operator for which there is a pass, and its condition must be false for what it emits itself.

    @rewrite("Celu", when=lambda node: node.real("alpha", 1.0) != 1.0)
    def celu(node: Node) -> Tensor:
        \"""Celu is max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (ONNX Celu-12).\"""
        x, alpha = node.tensor(0), node.real("alpha", 1.0)
        return maximum(x, 0.0) + (op("Exp", minimum(x, 0.0) / alpha) - 1.0) * alpha

The condition holds only for what the converter refuses or gets wrong: its own forms convert faster and run
faster. With `wrong_in` naming the releases of onnx2tf that silently get an operator wrong, a pass is a guard
and takes part in every conversion; it then emits only operators whose form is the same from opset 13 on.
Raise `Refusal` for what has no faithful form. Tests fail for a pass that no test names.
"""
