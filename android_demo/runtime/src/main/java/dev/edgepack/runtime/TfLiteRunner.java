package dev.edgepack.runtime;

import java.util.HashMap;
import java.util.Map;
import org.tensorflow.lite.Interpreter;

/** Runs a .tflite file with TensorFlow Lite, straight out of the memory-mapped file. */
final class TfLiteRunner extends ModelRunner {
    private final Interpreter interpreter;

    TfLiteRunner(BundleReader bundle, Artifact artifact) throws BundleException {
        super(bundle, artifact);
        interpreter = new Interpreter(bundle.files.map(artifact.file));
    }

    @Override
    Tensor[] execute(Tensor[] inputs) {
        Object[] fed = new Object[inputs.length];
        for (int at = 0; at < fed.length; at++) {
            requireDType(interpreter.getInputTensor(at), inputs[at].dtype);
            fed[at] = inputs[at].data;
        }
        Tensor[] outputs = new Tensor[artifact.outputs.length];
        Map<Integer, Object> got = new HashMap<>();
        for (TensorContract contract : artifact.outputs) {
            requireDType(interpreter.getOutputTensor(contract.index), contract.dtype);
            outputs[contract.index] = new Tensor(contract.dtype, contract.shape);
            got.put(contract.index, outputs[contract.index].data);
        }
        interpreter.runForMultipleInputsOutputs(fed, got);
        for (Tensor output : outputs) output.data.rewind();
        return outputs;
    }

    private static void requireDType(org.tensorflow.lite.Tensor tensor, DType wanted) {
        if (tensor.dataType().name().equals(wanted.name())) return;
        throw new IllegalStateException(tensor.name() + " is " + tensor.dataType() + ", not " + wanted);
    }

    @Override
    public void close() {
        interpreter.close();
    }
}
