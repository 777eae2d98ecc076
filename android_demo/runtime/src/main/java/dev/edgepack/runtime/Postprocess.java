package dev.edgepack.runtime;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.json.JSONObject;

/** Turns an output into what is shown, by the manifest's steps. */
public record Postprocess(List<JSONObject> steps) {
    /** Gives a value for each class, a probability where the manifest has softmax; other axes have size 1. */
    public double[] values(Tensor output) {
        double[] values = IntStream.range(0, output.count()).mapToDouble(output::get).toArray();
        if (BundleReader.find(steps, "op", "softmax") == null) return values;
        double largest = Arrays.stream(values).max().orElse(0);
        double[] powers = Arrays.stream(values).map(value -> Math.exp(value - largest)).toArray();
        double sum = Arrays.stream(powers).sum();
        return Arrays.stream(powers).map(power -> power / sum).toArray();
    }

    /** Gives a class's name; its number where the manifest has no labels. */
    public String label(int number) {
        JSONObject labels = BundleReader.find(steps, "op", "labels");
        return labels == null ? String.valueOf(number) : labels.optJSONArray("names").optString(number);
    }
}
