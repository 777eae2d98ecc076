package dev.edgepack.runtime;

import android.content.res.AssetFileDescriptor;
import android.content.res.AssetManager;
import android.os.Looper;
import dev.edgepack.runtime.BundleException.Kind;
import java.io.DataInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * A bundle. Its lists hold the manifest's own entries: artifacts have id, format and precision, inputs and outputs
 * name, dtype and shape; docs/bundle.md has all keys. On the UI thread, whatever reads a file is refused.
 */
public final class BundleReader {
    private static final String SCHEMA = "edgepack.bundle/1", MANIFEST = "manifest.json";
    public final String name;
    public final String manifestSha256;
    public final List<JSONObject> artifacts, inputs, outputs, golden;
    private final JSONObject manifest;
    private final Source source;
    private final File cache;

    /** Where a bundle's files lie. */
    public interface Source {
        /** Gives a file's content, mapped into memory where that can be. */
        ByteBuffer open(String path) throws IOException;
    }

    private record Content(ByteBuffer data, String sha256) { }

    /**
     * Reads a bundle.
     *
     * @param cache a folder of the app's, for files that a runtime cannot read out of memory
     */
    public BundleReader(Source source, File cache) throws BundleException {
        this.source = source;
        this.cache = cache;
        Content content = open(MANIFEST);
        manifestSha256 = content.sha256;
        try {
            manifest = new JSONObject(StandardCharsets.UTF_8.decode(content.data).toString());
        } catch (JSONException error) {
            throw new BundleException(Kind.DAMAGED, MANIFEST + " is damaged: " + error.getMessage());
        }
        String schema = manifest.optString("schema");
        if (!schema.equals(SCHEMA)) {
            throw new BundleException(
                    Kind.UNSUPPORTED, MANIFEST + " follows \"" + schema + "\", and this app reads " + SCHEMA);
        }
        name = manifest.optString("name");
        artifacts = list(manifest, "artifacts");
        inputs = list(manifest.optJSONObject("model"), "inputs");
        outputs = list(manifest.optJSONObject("model"), "outputs");
        golden = list(manifest, "golden");
    }

    /** Reads the bundle that lies in an app's assets, in the folder edgepack/name. */
    public static BundleReader fromAssets(AssetManager assets, String name, File cache) throws BundleException {
        String folder = "edgepack/" + name + "/";
        return new BundleReader(path -> {
            try (AssetFileDescriptor asset = assets.openFd(folder + path)) {
                return map(asset.createInputStream(), asset.getStartOffset(), asset.getDeclaredLength());
            } catch (FileNotFoundException compressed) {
                try (DataInputStream in = new DataInputStream(assets.open(folder + path))) {
                    byte[] content = new byte[in.available()];
                    in.readFully(content);
                    return ByteBuffer.wrap(content);
                }
            }
        }, cache);
    }

    /** Gives the entries of a list in the manifest. */
    static List<JSONObject> list(JSONObject parent, String key) throws BundleException {
        JSONArray array = parent == null ? null : parent.optJSONArray(key);
        if (array == null) throw new BundleException(Kind.DAMAGED, MANIFEST + " is damaged: No value for " + key);
        return IntStream.range(0, array.length()).mapToObj(array::optJSONObject).collect(Collectors.toList());
    }

    /** Gives the entry with this value; null where there is none. */
    static JSONObject find(List<JSONObject> entries, String key, String value) {
        return entries.stream().filter(entry -> entry.optString(key).equals(value)).findFirst().orElse(null);
    }

    /** Gives tensors of a golden case by name: its "inputs", or the "outputs" that are the model's own answer. */
    public Map<String, Tensor> golden(int number, String side) throws BundleException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (JSONObject entry : side.equals("inputs") ? inputs : outputs) {
            Tensor tensor = Tensor.of(entry);
            JSONObject file = golden.get(number).optJSONObject(side).optJSONObject(entry.optString("name"));
            tensor.data.duplicate().put(read(file));
            tensors.put(entry.optString("name"), tensor);
        }
        return tensors;
    }

    /** Says how a picture becomes this input; null where the manifest does not. */
    public Preprocess preprocess(String input) throws BundleException {
        List<JSONObject> steps = steps("preprocess", "input", input);
        return steps.isEmpty() ? null : new Preprocess(steps, find(inputs, "name", input));
    }

    /** Says how this output is to be read; where the manifest does not, as it is. */
    public Postprocess postprocess(String output) throws BundleException {
        List<JSONObject> steps = steps("postprocess", "output", output);
        for (JSONObject step : steps) {
            String op = step.optString("op");
            if (op.matches("softmax|labels")) continue;
            throw new BundleException(Kind.UNSUPPORTED, "this app knows no postprocessing step " + op);
        }
        return new Postprocess(steps);
    }

    private List<JSONObject> steps(String kind, String side, String tensor) throws BundleException {
        JSONObject entry = manifest.isNull(kind) ? null : find(list(manifest, kind), side, tensor);
        return entry == null ? new ArrayList<>() : list(entry, "steps");
    }

    /** Gives a file of the manifest, mapped into memory where that can be; its sha256 is checked each time. */
    public ByteBuffer read(JSONObject file) throws BundleException {
        String path = file.optString("path");
        boolean leadsOut = ("/" + path + "/").matches(".*/\\.{0,2}/.*");
        if (leadsOut) throw new BundleException(Kind.DAMAGED, "path \"" + path + "\" may lead out of the bundle");
        Content content = open(path);
        if (content.sha256.equals(file.optString("sha256"))) return content.data;
        throw new BundleException(Kind.DAMAGED, path + " is damaged: its sha256 is not the manifest's");
    }

    /** Gives a file of the manifest as one that a runtime can open: a copy that is kept by sha256, never by name. */
    File copy(JSONObject file) throws BundleException {
        ByteBuffer content = read(file);
        File kept = new File(cache, file.optString("sha256"));
        try {
            if (kept.isFile() && map(new FileInputStream(kept), 0, kept.length()).equals(content)) return kept;
            cache.mkdirs();
            File work = File.createTempFile("copy", null, cache);
            try (FileOutputStream out = new FileOutputStream(work)) {
                while (content.hasRemaining()) out.getChannel().write(content);
            }
            if (!work.renameTo(kept)) throw new IOException("cannot rename " + work);
            return kept;
        } catch (IOException error) {
            throw new BundleException(Kind.MISSING, "cannot write " + kept + ": " + error.getMessage());
        }
    }

    private Content open(String path) throws BundleException {
        Looper ui = Looper.getMainLooper();
        if (ui != null && ui.isCurrentThread()) throw new IllegalStateException("read bundles off the UI thread");
        try {
            ByteBuffer data = source.open(path);
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(data.duplicate());
            return new Content(data, String.format(Locale.ROOT, "%064x", new BigInteger(1, digest.digest())));
        } catch (IOException | NoSuchAlgorithmException error) {
            throw new BundleException(Kind.MISSING, "cannot read " + path + ": " + error.getMessage());
        }
    }

    private static ByteBuffer map(FileInputStream file, long start, long size) throws IOException {
        try (FileInputStream in = file) {
            return in.getChannel().map(MapMode.READ_ONLY, start, size);
        }
    }
}
