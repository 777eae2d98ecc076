"""What the converter takes as it stands, as measured with onnx2tf 2.6.9's flatbuffer_direct."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Operators that the specification defines by others, and that the converter nevertheless takes whole.
KEPT_WHOLE = _names(
    """
    Celu Clip Elu Gelu GreaterOrEqual HardSigmoid HardSwish LayerNormalization LeakyRelu LessOrEqual
    LogSoftmax MeanVarianceNormalization Mish PRelu ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceSumSquare Relu Selu Shrink Softmax Softplus Softsign ThresholdedRelu
    """
)

# Operators of ONNX's own domain that the converter has a form of, for some attributes and shapes at least.
SUPPORTED = _names(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization
    BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast Ceil Celu Clip Compress Concat Conv
    ConvTranspose Cos Cosh CumProd CumSum DepthToSpace Det Div Einsum Elu Equal Erf Exp Expand
    EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool
    GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HardSigmoid
    HardSwish Hardmax Identity InstanceNormalization Inverse IsInf IsNaN LRN LSTM LayerNormalization
    LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul Max MaxPool MaxRoiPool
    Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or
    PRelu Pad Pow RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence
    RoiAlign Round ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice
    Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile
    TopK Transpose Trilu Unsqueeze Where Xor
    """
)

# Random numbers differ from run to run, so no file that holds them can be checked.
RANDOM = _names("Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike")

_REDUCED = ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
REDUCTIONS = tuple(f"Reduce{kind}" for kind in _REDUCED)

# Inputs that decide shapes or hold axes: the converter wants them as constants, in int64.
STRUCTURAL: dict[str, tuple[int, ...]] = {
    "Reshape": (1,),
    "Expand": (1,),
    "Slice": (1, 2, 3, 4),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
    "Pad": (1, 3),
    "Tile": (1,),
    "Resize": (1, 2, 3),
    "TopK": (1,),
    "Split": (1,),
    "ConstantOfShape": (0,),
    "CumSum": (1,),
    **dict.fromkeys(REDUCTIONS, (1,)),
}

# Inputs that decide shapes of operators that are computed while converting or kept as they are, and that no
# pass reads.
SIZES: dict[str, tuple[int, ...]] = {
    "BlackmanWindow": (0,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "MelWeightMatrix": (0, 1, 2, 3, 4),
    "Range": (0, 1, 2),
}

# Operators whose int64 results are indices; the file holds them as int32.
INDEX_RESULTS: dict[str, tuple[int, ...]] = {
    "ArgMax": (0,),
    "ArgMin": (0,),
    "TopK": (1,),
    "NonZero": (0,),
    "NonMaxSuppression": (0,),
}
