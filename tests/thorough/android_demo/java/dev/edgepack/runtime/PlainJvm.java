package dev.edgepack.runtime;

import dev.edgepack.demo.BundleFolder;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
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
            case "to_file": return bytes(carry(tensor("data", object("spec")), Tensor.of(object("contract")), true));
            case "to_model": return bytes(carry(Tensor.of(object("spec")), tensor("data", object("contract")), false));
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
        return new Preprocess(BundleReader.list(job, "steps"), object("spec")).apply(argb, job.getInt("width"));
    }

    private Tensor carry(Tensor model, Tensor file, boolean toFile) throws BundleException, JSONException {
        return Tensor.carry(model, file, object("contract"), toFile);
    }

    private JSONObject judge() throws BundleException, JSONException, IOException {
        Tensor got = tensor("data", object("spec")), expected = tensor("expected", object("spec"));
        GoldenCheck output = GoldenCheck.judge("output", got, expected, object("allowed"));
        return new JSONObject()
                .put("passed", output.passed())
                .put("max_error", String.valueOf(output.maxError()))
                .put("snr_db", String.valueOf(output.snrDb()));
    }

    /** Reads the bundle whole: manifest, golden cases, and each artifact's copy for runtimes. */
    private String readBundle() throws BundleException {
        File cache = folder.resolve("cache").toFile();
        BundleReader bundle = new BundleReader(new BundleFolder(folder.resolve("bundle").toFile()), cache);
        int tensors = 0;
        for (int number = 0; number < bundle.golden.size(); number++) {
            tensors += bundle.golden(number, "inputs").size() + bundle.golden(number, "outputs").size();
        }
        for (JSONObject artifact : bundle.artifacts) {
            for (JSONObject contract : BundleReader.list(artifact, "inputs")) Tensor.of(contract);
            bundle.copy(artifact);
        }
        return bundle.name + ", " + bundle.artifacts.size() + " artifacts, " + tensors + " tensors";
    }

    private JSONObject object(String key) throws JSONException {
        return job.getJSONObject(key);
    }

    private Tensor tensor(String file, JSONObject entry) throws BundleException, IOException {
        Tensor tensor = Tensor.of(entry);
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
