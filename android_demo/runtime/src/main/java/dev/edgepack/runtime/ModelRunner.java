package dev.edgepack.runtime;

import java.io.Closeable;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** An artifact, loaded into its runtime. Use it from one thread at a time, and close it: its memory is not Java's. */
public abstract class ModelRunner implements Closeable {
    private final BundleReader bundle;
    final Artifact artifact;

    ModelRunner(BundleReader bundle, Artifact artifact) {
        this.bundle = bundle;
        this.artifact = artifact;
    }

    /** Loads an artifact. */
    public static ModelRunner open(BundleReader bundle, Artifact artifact) throws BundleException {
        try {
            if (artifact.format.equals("torch_lite")) return new TorchLiteRunner(bundle, artifact);
            if (artifact.format.equals("tflite")) return new TfLiteRunner(bundle, artifact);
        } catch (RuntimeException | LinkageError error) {
            throw failed(artifact, "does not load", error);
        }
        throw BundleException.unsupported("this app has no runtime for " + artifact.id);
    }

    /** Computes the model's outputs, by name; what goes in and out is in the model's own dtypes and shapes. */
    public Map<String, Tensor> run(Map<String, Tensor> inputs) throws BundleException {
        Tensor[] fed = new Tensor[artifact.inputs.length];
        for (TensorContract contract : artifact.inputs) {
            Tensor given = inputs.get(contract.name);
            TensorSpec asked = bundle.inputs.get(contract.name);
            if (given == null || given.dtype != asked.dtype || !Arrays.equals(given.shape, asked.shape)) {
                throw new IllegalArgumentException("the model takes " + asked + ", not " + given);
            }
            fed[contract.index] = contract.toFile(given);
        }
        Tensor[] got;
        try {
            got = execute(fed);
        } catch (RuntimeException error) {
            throw failed(artifact, "does not run", error);
        }
        Map<String, Tensor> outputs = new LinkedHashMap<>();
        for (TensorContract contract : artifact.outputs) {
            outputs.put(contract.name, contract.toModel(got[contract.index], bundle.outputs.get(contract.name)));
        }
        return outputs;
    }

    /** Runs the file on its own tensors, in its own order. */
    abstract Tensor[] execute(Tensor[] inputs) throws BundleException;

    @Override
    public abstract void close();

    private static BundleException failed(Artifact artifact, String what, Throwable error) {
        return BundleException.unsupported(artifact.id + " " + what + ": " + error.getMessage());
    }
}
