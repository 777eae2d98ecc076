package dev.edgepack.runtime;

import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Turns a picture into a model's input by the manifest's steps, equal bit by bit to what Python makes of it. */
public final class Preprocess {
    private final JSONArray steps;
    private final TensorSpec input;

    /** Takes the steps that the manifest has for an input. */
    public Preprocess(JSONArray steps, TensorSpec input) {
        this.steps = steps;
        this.input = input;
    }

    /**
     * Makes the input.
     *
     * @param argb the upright picture's opaque pixels, row by row, as Bitmap.getPixels gives them
     * @param width of the picture
     * @throws BundleException the picture does not lead to the input's shape, or a step is not known here
     */
    public Tensor apply(int[] argb, int width) throws BundleException {
        Pixels pixels = Pixels.of(argb, width);
        float[] numbers = null;
        try {
            for (int at = 0; at < steps.length(); at++) {
                JSONObject step = steps.getJSONObject(at);
                String op = step.getString("op");
                if (op.equals("layout")) return arrange(pixels, numbers, step.getString("order"));
                if (Arrays.asList("scale", "mean", "std").contains(op)) {
                    if (numbers == null) numbers = pixels.numbers();
                    compute(numbers, step, op, pixels.channels);
                } else {
                    pixels = change(pixels, step, op);
                }
            }
        } catch (JSONException error) {
            throw BundleException.damaged("preprocessing of " + input.name + ": " + error.getMessage());
        }
        throw BundleException.damaged("preprocessing of " + input.name + " has no layout");
    }

    private static Pixels change(Pixels pixels, JSONObject step, String op) throws JSONException, BundleException {
        switch (op) {
            case "resize":
                Resampler resampler = new Resampler(step.getString("method"), step.getBoolean("antialias"));
                return resampler.resize(pixels, TensorSpec.integers(step.getJSONArray("size")));
            case "crop": return pixels.crop(step.getJSONArray("size").getInt(0), step.getJSONArray("size").getInt(1));
            case "grayscale": return pixels.grayscale();
            case "bgr": return pixels.bgr();
            case "invert": return pixels.invert();
            case "centre": return pixels.centre(step.getInt("level"), step.getInt("margin"));
            case "threshold": return pixels.threshold(step.getInt("level"));
            case "blocksum": return pixels.blockSum(step.getInt("block"));
            default: throw BundleException.unsupported("this app knows no preprocessing step " + op);
        }
    }

    /** Rounds every operation to float32 by itself, as docs/bundle.md asks. */
    private static void compute(float[] numbers, JSONObject step, String op, int channels) throws JSONException {
        double[] values = TensorSpec.numbers(step.optJSONArray("values"));
        float multiply = (float) step.optDouble("multiply"), divide = (float) step.optDouble("divide");
        for (int at = 0; at < numbers.length; at++) {
            float value = values.length == 0 ? 0 : (float) values[at % channels % values.length];
            if (op.equals("scale")) numbers[at] = numbers[at] * multiply / divide;
            else if (op.equals("mean")) numbers[at] -= value;
            else numbers[at] /= value;
        }
    }

    private Tensor arrange(Pixels pixels, float[] numbers, String order) throws BundleException {
        if (!order.matches("n?(chw|hwc)")) throw BundleException.unsupported("this app knows no layout " + order);
        boolean planes = order.endsWith("chw");
        int height = pixels.height, width = pixels.width, channels = pixels.channels;
        int[] shape = planes ? new int[] {1, channels, height, width} : new int[] {1, height, width, channels};
        if (!order.startsWith("n")) shape = Arrays.copyOfRange(shape, 1, 4);
        if (!Arrays.equals(shape, input.shape)) {
            throw BundleException.unsupported("the picture becomes "
                    + Arrays.toString(shape) + ", and " + input.name + " is " + Arrays.toString(input.shape));
        }
        Tensor tensor = new Tensor(input.dtype, shape);
        for (int at = 0; at < tensor.count(); at++) {
            int to = planes ? at % channels * height * width + at / channels : at;
            tensor.set(to, numbers == null ? pixels.values[at] : numbers[at]);
        }
        return tensor;
    }
}
