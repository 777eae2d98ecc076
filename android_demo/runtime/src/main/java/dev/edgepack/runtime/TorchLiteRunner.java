package dev.edgepack.runtime;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.json.JSONObject;
import org.pytorch.IValue;
import org.pytorch.LiteModuleLoader;
import org.pytorch.MemoryFormat;
import org.pytorch.Module;

/** Runs a .ptl file with PyTorch Mobile's lite interpreter, which reads files only: see {@link BundleReader#copy}. */
final class TorchLiteRunner extends ModelRunner {
    private final Module module;

    TorchLiteRunner(BundleReader bundle, JSONObject artifact) throws BundleException {
        super(bundle, artifact);
        module = LiteModuleLoader.load(bundle.copy(artifact).getPath());
    }

    @Override
    Tensor[] execute(Tensor[] inputs, Tensor[] outputs) {
        IValue[] fed = Stream.of(inputs).map(TorchLiteRunner::toTorch).toArray(IValue[]::new);
        return flattened(module.forward(fed)).map(TorchLiteRunner::fromTorch).toArray(Tensor[]::new);
    }

    private static Stream<org.pytorch.Tensor> flattened(IValue value) {
        if (value.isTensor()) return Stream.of(value.toTensor());
        if (value.isTensorList()) return Stream.of(value.toTensorList());
        return Stream.of(value.isTuple() ? value.toTuple() : value.toList()).flatMap(TorchLiteRunner::flattened);
    }

    private static IValue toTorch(Tensor tensor) {
        long[] shape = Arrays.stream(tensor.shape).asLongStream().toArray();
        return IValue.from(switch (tensor.dtype) {
            case "float32" -> org.pytorch.Tensor.fromBlob(tensor.data.asFloatBuffer(), shape);
            case "float64" -> org.pytorch.Tensor.fromBlob(tensor.data.asDoubleBuffer(), shape);
            case "int8" -> org.pytorch.Tensor.fromBlob(tensor.data, shape);
            case "uint8" -> org.pytorch.Tensor.fromBlobUnsigned(tensor.data, shape);
            case "int32" -> org.pytorch.Tensor.fromBlob(tensor.data.asIntBuffer(), shape);
            case "int64" -> org.pytorch.Tensor.fromBlob(tensor.data.asLongBuffer(), shape);
            default -> throw new IllegalArgumentException("PyTorch Mobile takes no tensors of " + tensor.dtype);
        });
    }

    private static Tensor fromTorch(org.pytorch.Tensor from) {
        int[] shape = Arrays.stream(from.shape()).mapToInt(Math::toIntExact).toArray();
        Tensor inMemory = new Tensor(from.dtype().name().toLowerCase(Locale.ROOT), shape);
        switch (from.dtype()) {
            case FLOAT32 -> inMemory.data.asFloatBuffer().put(from.getDataAsFloatArray());
            case FLOAT64 -> inMemory.data.asDoubleBuffer().put(from.getDataAsDoubleArray());
            case INT8 -> inMemory.data.duplicate().put(from.getDataAsByteArray());
            case UINT8 -> inMemory.data.duplicate().put(from.getDataAsUnsignedByteArray());
            case INT32 -> inMemory.data.asIntBuffer().put(from.getDataAsIntArray());
            default -> inMemory.data.asLongBuffer().put(from.getDataAsLongArray());
        }
        if (from.memoryFormat() == MemoryFormat.CONTIGUOUS) return inMemory;
        // Axis 1 lies last in memory then, whatever the shape says.
        IntStream axes = IntStream.range(0, shape.length).map(axis -> axis == 0 ? 0 : axis % (shape.length - 1) + 1);
        int[] places = Tensor.places(shape, axes.toArray());
        Tensor tensor = new Tensor(inMemory.dtype, shape);
        for (int at = 0; at < places.length; at++) tensor.setBits(places[at], inMemory.bits(at));
        return tensor;
    }

    @Override
    public void close() {
        module.destroy();
    }
}
