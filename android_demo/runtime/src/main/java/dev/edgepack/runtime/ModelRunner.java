package dev.edgepack.runtime;

import dev.edgepack.runtime.BundleException.Kind;
import java.io.Closeable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONObject;

/** An artifact, loaded into its runtime. Use it from one thread at a time, and close it: its memory is not Java's. */
public abstract class ModelRunner implements Closeable {
    final JSONObject artifact;
    private final BundleReader bundle;

    ModelRunner(BundleReader bundle, JSONObject artifact) {
        this.bundle = bundle;
        this.artifact = artifact;
    }

    /** Loads one of the bundle's artifacts. */
    public static ModelRunner open(BundleReader bundle, JSONObject artifact) throws BundleException {
        try {
            return switch (artifact.optString("format")) {
                case "torch_lite" -> new TorchLiteRunner(bundle, artifact);
                case "tflite" -> new TfLiteRunner(bundle, artifact);
                default -> throw new UnsupportedOperationException("this app has no runtime for it");
            };
        } catch (RuntimeException | LinkageError error) {
            throw new BundleException(
                    Kind.UNSUPPORTED, artifact.optString("id") + " does not load: " + error.getMessage());
        }
    }

    /** Computes the model's outputs, by name; what goes in and out is in the model's own dtypes and shapes. */
    public Map<String, Tensor> run(Map<String, Tensor> inputs) throws BundleException {
        List<JSONObject> takes = BundleReader.list(artifact, "inputs");
        List<JSONObject> gives = BundleReader.list(artifact, "outputs");
        Tensor[] fed = new Tensor[takes.size()], got = new Tensor[gives.size()];
        for (JSONObject contract : takes) {
            String name = contract.optString("name");
            Tensor given = inputs.get(name), asked = Tensor.of(BundleReader.find(bundle.inputs, "name", name));
            if (given == null || !given.toString().equals(asked.toString())) {
                throw new IllegalArgumentException("the model's " + name + " is " + asked + ", not " + given);
            }
            fed[contract.optInt("index")] = Tensor.carry(given, Tensor.of(contract), contract, true);
        }
        for (JSONObject contract : gives) got[contract.optInt("index")] = Tensor.of(contract);
        try {
            got = execute(fed, got);
        } catch (RuntimeException error) {
            throw new BundleException(
                    Kind.UNSUPPORTED, artifact.optString("id") + " does not run: " + error.getMessage());
        }
        Map<String, Tensor> outputs = new LinkedHashMap<>();
        for (JSONObject contract : gives) {
            String name = contract.optString("name");
            Tensor answer = Tensor.of(BundleReader.find(bundle.outputs, "name", name));
            outputs.put(name, Tensor.carry(answer, got[contract.optInt("index")], contract, false));
        }
        return outputs;
    }

    /** Runs the file on its own tensors, in its own order; may fill the given outputs, or give others. */
    abstract Tensor[] execute(Tensor[] inputs, Tensor[] outputs);

    @Override
    public abstract void close();
}
