package dev.edgepack.runtime;

import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONObject;

/** Turns an output into what is shown, by the manifest's steps. */
public final class Postprocess {
    private final JSONArray steps;

    Postprocess(JSONArray steps) throws BundleException {
        this.steps = steps;
        for (int at = 0; at < steps.length(); at++) {
            String op = steps.optJSONObject(at).optString("op");
            if (Arrays.asList("softmax", "labels").contains(op)) continue;
            throw BundleException.unsupported("this app knows no postprocessing step " + op);
        }
    }

    /** Gives a value for each class, a probability where the manifest has softmax; other axes have size 1. */
    public double[] values(Tensor output) {
        double[] values = new double[output.count()];
        double largest = Double.NEGATIVE_INFINITY, sum = 0;
        for (int at = 0; at < values.length; at++) largest = Math.max(largest, values[at] = output.get(at));
        if (step("softmax") == null) return values;
        for (int at = 0; at < values.length; at++) sum += values[at] = Math.exp(values[at] - largest);
        for (int at = 0; at < values.length; at++) values[at] /= sum;
        return values;
    }

    /** Gives a class's name; its number where the manifest has no labels. */
    public String label(int number) {
        JSONObject labels = step("labels");
        return labels == null ? String.valueOf(number) : labels.optJSONArray("names").optString(number);
    }

    private JSONObject step(String op) {
        for (int at = 0; at < steps.length(); at++) {
            if (steps.optJSONObject(at).optString("op").equals(op)) return steps.optJSONObject(at);
        }
        return null;
    }
}
