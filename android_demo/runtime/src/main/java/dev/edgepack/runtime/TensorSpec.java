package dev.edgepack.runtime;

import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** An input or output as the model's author sees it. */
public class TensorSpec {
    public final String name;
    public final DType dtype;
    public final int[] shape;

    public TensorSpec(JSONObject entry) throws JSONException, BundleException {
        name = entry.getString("name");
        dtype = DType.of(entry.getString("dtype"));
        shape = integers(entry.getJSONArray("shape"));
    }

    static int[] integers(JSONArray array) throws JSONException {
        int[] values = new int[array.length()];
        for (int at = 0; at < values.length; at++) values[at] = array.getInt(at);
        return values;
    }

    /** Gives an array's numbers; none where it is missing. */
    static double[] numbers(JSONArray array) throws JSONException {
        double[] values = new double[array == null ? 0 : array.length()];
        for (int at = 0; at < values.length; at++) values[at] = array.getDouble(at);
        return values;
    }

    @Override
    public String toString() {
        return name + ":" + dtype + Arrays.toString(shape);
    }
}
