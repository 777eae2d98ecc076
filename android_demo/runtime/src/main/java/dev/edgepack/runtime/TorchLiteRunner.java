package dev.edgepack.runtime;

import java.util.ArrayList;
import java.util.List;
import org.pytorch.IValue;
import org.pytorch.LiteModuleLoader;
import org.pytorch.MemoryFormat;
import org.pytorch.Module;

/** Runs a .ptl file with PyTorch Mobile's lite interpreter, which reads files only: see {@link BundleFiles#copy}. */
final class TorchLiteRunner extends ModelRunner {
    private final Module module;

    TorchLiteRunner(BundleReader bundle, Artifact artifact) throws BundleException {
        super(bundle, artifact);
        module = LiteModuleLoader.load(bundle.files.copy(artifact.file).getPath());
    }

    @Override
    Tensor[] execute(Tensor[] inputs) {
        IValue[] fed = new IValue[inputs.length];
        for (int at = 0; at < fed.length; at++) fed[at] = IValue.from(toTorch(inputs[at]));
        List<Tensor> outputs = new ArrayList<>();
        flatten(module.forward(fed), outputs);
        return outputs.toArray(new Tensor[0]);
    }

    private static void flatten(IValue value, List<Tensor> tensors) {
        if (value.isTensor()) {
            tensors.add(fromTorch(value.toTensor()));
        } else if (value.isTensorList()) {
            for (org.pytorch.Tensor tensor : value.toTensorList()) tensors.add(fromTorch(tensor));
        } else {
            for (IValue part : value.isTuple() ? value.toTuple() : value.toList()) flatten(part, tensors);
        }
    }

    private static org.pytorch.Tensor toTorch(Tensor tensor) {
        long[] shape = new long[tensor.shape.length];
        for (int axis = 0; axis < shape.length; axis++) shape[axis] = tensor.shape[axis];
        switch (tensor.dtype) {
            case FLOAT32: return org.pytorch.Tensor.fromBlob(tensor.data.asFloatBuffer(), shape);
            case FLOAT64: return org.pytorch.Tensor.fromBlob(tensor.data.asDoubleBuffer(), shape);
            case INT8: return org.pytorch.Tensor.fromBlob(tensor.data, shape);
            case UINT8: return org.pytorch.Tensor.fromBlobUnsigned(tensor.data, shape);
            case INT32: return org.pytorch.Tensor.fromBlob(tensor.data.asIntBuffer(), shape);
            case INT64: return org.pytorch.Tensor.fromBlob(tensor.data.asLongBuffer(), shape);
            default: throw new IllegalArgumentException("PyTorch Mobile takes no tensors of " + tensor.dtype);
        }
    }

    private static Tensor fromTorch(org.pytorch.Tensor from) {
        boolean channelsLast = from.memoryFormat() != MemoryFormat.CONTIGUOUS;
        int rank = from.shape().length;
        int[] shape = new int[rank], axes = new int[rank];
        for (int axis = 0; axis < rank; axis++) {
            // In memory, axis 1 lies last then, whatever the shape says.
            int place = !channelsLast || axis == 0 ? axis : axis == 1 ? rank - 1 : axis - 1;
            shape[place] = (int) from.shape()[axis];
            axes[axis] = place;
        }
        Tensor tensor = new Tensor(DType.valueOf(from.dtype().name()), shape);
        switch (tensor.dtype) {
            case FLOAT32: tensor.data.asFloatBuffer().put(from.getDataAsFloatArray()); break;
            case FLOAT64: tensor.data.asDoubleBuffer().put(from.getDataAsDoubleArray()); break;
            case INT8: tensor.data.duplicate().put(from.getDataAsByteArray()); break;
            case UINT8: tensor.data.duplicate().put(from.getDataAsUnsignedByteArray()); break;
            case INT32: tensor.data.asIntBuffer().put(from.getDataAsIntArray()); break;
            default: tensor.data.asLongBuffer().put(from.getDataAsLongArray());
        }
        return channelsLast ? tensor.transposed(axes) : tensor;
    }

    @Override
    public void close() {
        module.destroy();
    }
}
