package dev.edgepack.runtime;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.json.JSONObject;
import org.tensorflow.lite.Interpreter;

/** Runs a .tflite file with TensorFlow Lite, straight out of the memory-mapped file. */
final class TfLiteRunner extends ModelRunner {
    private final Interpreter interpreter;

    TfLiteRunner(BundleReader bundle, JSONObject artifact) throws BundleException {
        super(bundle, artifact);
        ByteBuffer file = bundle.read(artifact);
        if (!file.isDirect()) throw new IllegalStateException("it is compressed in the app, which needs noCompress");
        interpreter = new Interpreter(file);
    }

    @Override
    Tensor[] execute(Tensor[] inputs, Tensor[] outputs) {
        Map<Integer, Object> buffers = new HashMap<>();
        for (int at = 0; at < outputs.length; at++) buffers.put(at, outputs[at].data);
        interpreter.runForMultipleInputsOutputs(Stream.of(inputs).map(input -> input.data).toArray(), buffers);
        return outputs;
    }

    @Override
    public void close() {
        interpreter.close();
    }
}
