package dev.edgepack.runtime;

import android.content.res.AssetManager;
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A bundle, read. Reading and running it takes time: keep both off the UI thread. */
public final class BundleReader {
    private static final String SCHEMA = "edgepack.bundle/1";
    private static final String MANIFEST = "manifest.json";

    public final String name;
    public final String manifestSha256;
    public final List<Artifact> artifacts = new ArrayList<>();
    public final Map<String, TensorSpec> inputs;
    public final Map<String, TensorSpec> outputs;
    final BundleFiles files;
    private final JSONObject manifest;
    private final JSONArray golden;

    /**
     * Reads the bundle that lies in an app's assets, in the folder edgepack/name.
     *
     * @param cache a folder of the app's, for files that a runtime cannot read out of assets
     */
    public static BundleReader fromAssets(AssetManager assets, String name, File cache) throws BundleException {
        return new BundleReader(BundleFiles.inAssets(assets, "edgepack/" + name, cache));
    }

    /** Reads a bundle out of a folder; see {@link #fromAssets}. */
    public static BundleReader fromFolder(File folder, File cache) throws BundleException {
        return new BundleReader(BundleFiles.inFolder(folder, cache));
    }

    private BundleReader(BundleFiles files) throws BundleException {
        this.files = files;
        byte[] text = files.read(MANIFEST);
        manifestSha256 = BundleFiles.sha256(ByteBuffer.wrap(text));
        try {
            manifest = new JSONObject(new String(text, StandardCharsets.UTF_8));
            requireSchema(manifest.optString("schema"));
            name = manifest.getString("name");
            golden = manifest.getJSONArray("golden");
            inputs = specs(manifest.getJSONObject("model").getJSONArray("inputs"));
            outputs = specs(manifest.getJSONObject("model").getJSONArray("outputs"));
            JSONArray entries = manifest.getJSONArray("artifacts");
            for (int at = 0; at < entries.length(); at++) artifacts.add(new Artifact(entries.getJSONObject(at)));
        } catch (JSONException error) {
            throw damaged(error.getMessage());
        }
    }

    /** How many golden cases there are. */
    public int cases() {
        return golden.length();
    }

    /** Gives a golden case's inputs, by name. */
    public Map<String, Tensor> goldenInputs(int number) throws BundleException {
        return tensors(number, "inputs", inputs);
    }

    /** Gives what the model itself answers to a golden case, by name. */
    public Map<String, Tensor> goldenOutputs(int number) throws BundleException {
        return tensors(number, "outputs", outputs);
    }

    /** Gives the PNG that a golden case's input was made from; null where it was not made from any. */
    public byte[] goldenPicture(int number, String input) throws BundleException {
        JSONObject raw = golden.optJSONObject(number).optJSONObject("raw");
        return raw == null || raw.isNull(input) ? null : files.read(raw.optJSONObject(input));
    }

    /** Says how a picture becomes this input; null where the manifest does not. */
    public Preprocess preprocess(String input) throws BundleException {
        JSONArray steps = steps("preprocess", "input", input);
        return steps == null ? null : new Preprocess(steps, inputs.get(input));
    }

    /** Says how this output is to be read; where the manifest does not, as it is. */
    public Postprocess postprocess(String output) throws BundleException {
        JSONArray steps = steps("postprocess", "output", output);
        return new Postprocess(steps == null ? new JSONArray() : steps);
    }

    private JSONArray steps(String kind, String side, String tensor) {
        JSONArray entries = manifest.optJSONArray(kind);
        for (int at = 0; entries != null && at < entries.length(); at++) {
            JSONObject entry = entries.optJSONObject(at);
            if (entry.optString(side).equals(tensor)) return entry.optJSONArray("steps");
        }
        return null;
    }

    private Map<String, Tensor> tensors(int number, String side, Map<String, TensorSpec> specs) throws BundleException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try {
            JSONObject entries = golden.getJSONObject(number).getJSONObject(side);
            for (TensorSpec spec : specs.values()) {
                Tensor tensor = new Tensor(spec.dtype, spec.shape);
                byte[] content = files.read(entries.getJSONObject(spec.name));
                if (content.length != tensor.data.capacity()) throw new JSONException("no " + spec + " of " + number);
                tensor.data.put(content).rewind();
                tensors.put(spec.name, tensor);
            }
        } catch (JSONException error) {
            throw damaged(error.getMessage());
        }
        return tensors;
    }

    private static Map<String, TensorSpec> specs(JSONArray entries) throws JSONException, BundleException {
        Map<String, TensorSpec> specs = new LinkedHashMap<>();
        for (int at = 0; at < entries.length(); at++) {
            TensorSpec spec = new TensorSpec(entries.getJSONObject(at));
            specs.put(spec.name, spec);
        }
        return specs;
    }

    private static void requireSchema(String schema) throws BundleException {
        if (schema.equals(SCHEMA)) return;
        throw BundleException.unsupported(MANIFEST + " follows \"" + schema + "\", and this app reads " + SCHEMA);
    }

    private static BundleException damaged(String why) {
        return BundleException.damaged(MANIFEST + " is damaged: " + why);
    }
}
