package dev.edgepack.demo;

import android.content.Context;
import android.util.Base64;
import dev.edgepack.runtime.BundleException;
import dev.edgepack.runtime.BundleReader;
import dev.edgepack.runtime.GoldenCheck;
import dev.edgepack.runtime.ModelRunner;
import dev.edgepack.runtime.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Replays all golden cases on all artifacts of a bundle and writes the report of docs/selftest.md. */
final class SelfTest {
    static final String SCHEMA = "edgepack.selftest/1";
    private static final int LARGEST_DATA = 1 << 20;
    private final Context context;
    private final int runs;
    private final Consumer<String> progress;

    /**
     * Prepares a test.
     *
     * @param runs how often each artifact is timed
     * @param progress is told of each artifact before its turn
     */
    SelfTest(Context context, int runs, Consumer<String> progress) {
        this.context = context;
        this.runs = runs;
        this.progress = progress;
    }

    /** Opens a bundle. */
    interface Opener {
        BundleReader open() throws BundleException;
    }

    /** Tests a bundle; whatever goes wrong is in the report. */
    JSONObject run(Opener opener) throws JSONException {
        JSONArray artifacts = new JSONArray();
        JSONObject report = new JSONObject()
                .put("schema", SCHEMA)
                .put("bundle", JSONObject.NULL)
                .put("device", Device.describe())
                .put("runtimes", Device.runtimes(context))
                .put("runs", runs)
                .put("passed", false)
                .put("error", JSONObject.NULL)
                .put("artifacts", artifacts);
        try {
            BundleReader bundle = opener.open();
            report.put("bundle", new JSONObject()
                    .put("name", bundle.name)
                    .put("manifest_sha256", bundle.manifestSha256));
            report.put("pictures", GoldenPictures.check(bundle));
            boolean passed = !bundle.artifacts.isEmpty();
            for (JSONObject artifact : bundle.artifacts) {
                progress.accept(artifact.optString("id"));
                JSONObject entry = test(bundle, artifact);
                artifacts.put(entry);
                passed &= entry.getBoolean("passed");
            }
            report.put("passed", passed);
        } catch (BundleException | RuntimeException error) {
            // Whatever a strange bundle brings about, who waits for the report gets one.
            report.put("error", reason(error));
        }
        return report;
    }

    private JSONObject test(BundleReader bundle, JSONObject artifact) throws JSONException {
        JSONObject entry = new JSONObject()
                .put("id", artifact.optString("id"))
                .put("passed", false)
                .put("error", JSONObject.NULL)
                .put("load_ms", JSONObject.NULL)
                .put("latency_ms", JSONObject.NULL);
        JSONArray cases = new JSONArray();
        entry.put("cases", cases);
        long start = System.nanoTime();
        try (ModelRunner runner = ModelRunner.open(bundle, artifact)) {
            entry.put("load_ms", milliseconds(start));
            boolean passed = !bundle.golden.isEmpty();
            for (int number = 0; number < bundle.golden.size(); number++) {
                JSONArray outputs = new JSONArray();
                for (GoldenCheck output : GoldenCheck.run(bundle, runner, number)) {
                    outputs.put(describe(output));
                    passed &= output.passed();
                }
                cases.put(new JSONObject().put("case", number).put("outputs", outputs));
            }
            entry.put("latency_ms", latency(runner, bundle.golden(0, "inputs")));
            entry.put("passed", passed);
        } catch (BundleException | RuntimeException error) {
            entry.put("error", reason(error));
        }
        return entry;
    }

    private static JSONObject describe(GoldenCheck output) throws JSONException {
        return new JSONObject()
                .put("name", output.name())
                .put("passed", output.passed())
                .put("max_error", finite(output.maxError()))
                .put("snr_db", finite(output.snrDb()))
                .put("data", encoded(output.got()));
    }

    /** Times whole runs, from the model's inputs to its outputs. */
    private JSONObject latency(ModelRunner runner, Map<String, Tensor> inputs) throws JSONException, BundleException {
        double[] times = new double[runs];
        for (int run = 0; run < runs; run++) {
            long start = System.nanoTime();
            runner.run(inputs);
            times[run] = milliseconds(start);
        }
        Arrays.sort(times);
        double median = (times[(runs - 1) / 2] + times[runs / 2]) / 2;
        double ninetieth = times[(int) Math.ceil(0.9 * runs) - 1];
        return new JSONObject().put("median", median).put("p90", ninetieth);
    }

    private static String reason(Exception error) {
        return error instanceof BundleException ? error.getMessage() : error.toString();
    }

    private static double milliseconds(long start) {
        return (System.nanoTime() - start) / 1e6;
    }

    /** JSON has no infinity. */
    private static Object finite(double value) {
        return Double.isInfinite(value) ? JSONObject.NULL : value;
    }

    private static Object encoded(Tensor tensor) {
        if (tensor.data.capacity() > LARGEST_DATA) return JSONObject.NULL;
        byte[] bytes = new byte[tensor.data.capacity()];
        tensor.data.duplicate().get(bytes);
        return Base64.encodeToString(bytes, Base64.NO_WRAP);
    }
}
