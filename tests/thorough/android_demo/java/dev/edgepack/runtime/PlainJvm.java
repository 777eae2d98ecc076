package dev.edgepack.runtime;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Runs parts of the app's runtime package on the plain JVM, for tests in Python. Each argument is a folder with a job:
 * job.json and the files that it needs. The result, or the message of a BundleException, is written beside them.
 */
final class PlainJvm {
    private final Path folder;
    private final JSONObject job;

    private PlainJvm(Path folder) throws IOException, JSONException {
        this.folder = folder;
        job = new JSONObject(new String(read("job.json"), StandardCharsets.UTF_8));
    }

    public static void main(String[] folders) throws Exception {
        for (String name : folders) {
            PlainJvm jvm = new PlainJvm(Paths.get(name));
            byte[] result;
            try {
                result = jvm.run();
            } catch (BundleException error) {
                result = (error.kind + ": " + error.getMessage()).getBytes(StandardCharsets.UTF_8);
            }
            Files.write(jvm.folder.resolve("result"), result);
        }
    }

    private byte[] run() throws BundleException, JSONException, IOException {
        switch (job.getString("do")) {
            case "preprocess": return bytes(preprocess());
            case "to_file": return bytes(new TensorContract(object("contract")).toFile(tensor("data", spec())));
            case "to_model": return bytes(toModel());
            case "judge": return judge().toString().getBytes(StandardCharsets.UTF_8);
            case "read": return readBundle().getBytes(StandardCharsets.UTF_8);
            default: throw new JSONException(job.toString());
        }
    }

    private Tensor preprocess() throws BundleException, JSONException, IOException {
        byte[] rgb = read("data");
        int[] argb = new int[rgb.length / 3];
        for (int at = 0; at < argb.length; at++) {
            argb[at] = 0xff << 24 | (rgb[3 * at] & 0xff) << 16 | (rgb[3 * at + 1] & 0xff) << 8 | rgb[3 * at + 2] & 0xff;
        }
        return new Preprocess(job.getJSONArray("steps"), spec()).apply(argb, job.getInt("width"));
    }

    private Tensor toModel() throws BundleException, JSONException, IOException {
        TensorContract contract = new TensorContract(object("contract"));
        return contract.toModel(tensor("data", contract), spec());
    }

    private JSONObject judge() throws BundleException, JSONException, IOException {
        Tensor got = tensor("data", spec()), expected = tensor("expected", spec());
        GoldenCheck.Output output = GoldenCheck.judge("output", got, expected, object("allowed"));
        return new JSONObject()
                .put("passed", output.passed)
                .put("max_error", String.valueOf(output.maxError))
                .put("snr_db", String.valueOf(output.snrDb));
    }

    /** Reads the bundle whole: manifest, golden cases, and each artifact's copy for runtimes. */
    private String readBundle() throws BundleException {
        File cache = folder.resolve("cache").toFile();
        BundleReader bundle = BundleReader.fromFolder(folder.resolve("bundle").toFile(), cache);
        int tensors = 0;
        for (int number = 0; number < bundle.cases(); number++) {
            Map<String, Tensor> inputs = bundle.goldenInputs(number);
            tensors += inputs.size() + bundle.goldenOutputs(number).size();
        }
        for (Artifact artifact : bundle.artifacts) {
            bundle.files.map(artifact.file);
            bundle.files.copy(artifact.file);
        }
        return bundle.name + ", " + bundle.artifacts.size() + " artifacts, " + tensors + " tensors";
    }

    private JSONObject object(String key) throws JSONException {
        return job.getJSONObject(key);
    }

    private TensorSpec spec() throws JSONException, BundleException {
        return new TensorSpec(object("spec"));
    }

    private Tensor tensor(String file, TensorSpec spec) throws IOException {
        Tensor tensor = new Tensor(spec.dtype, spec.shape);
        tensor.data.put(read(file)).rewind();
        return tensor;
    }

    private byte[] read(String file) throws IOException {
        return Files.readAllBytes(folder.resolve(file));
    }

    private static byte[] bytes(Tensor tensor) {
        byte[] bytes = new byte[tensor.data.capacity()];
        ((ByteBuffer) tensor.data.rewind()).get(bytes);
        return bytes;
    }
}
