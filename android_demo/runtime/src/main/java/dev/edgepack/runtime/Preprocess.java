package dev.edgepack.runtime;

import dev.edgepack.pictures.Pixels;
import dev.edgepack.runtime.BundleException.Kind;
import java.util.Arrays;
import java.util.List;
import org.json.JSONObject;

/** Turns a picture into a model's input by the manifest's steps, equal bit by bit to what Python makes of it. */
public record Preprocess(List<JSONObject> steps, JSONObject input) {
    /**
     * Makes the input of an upright and opaque picture, whose pixels are given as Bitmap.getPixels does.
     *
     * @throws BundleException the picture does not lead to the input's shape, or a step is not known here
     */
    public Tensor apply(int[] argb, int width) throws BundleException {
        try {
            Pixels pixels = Pixels.of(argb, width);
            for (JSONObject step : steps) pixels = pixels.after(step);
            Tensor tensor = Tensor.of(input);
            if (Arrays.equals(pixels.shape(), tensor.shape)) {
                for (int at = 0; at < pixels.values().length; at++) tensor.set(at, pixels.values()[at]);
                return tensor;
            }
            throw new IllegalArgumentException("the picture becomes " + Arrays.toString(pixels.shape())
                    + ", and " + input.optString("name") + " is " + Arrays.toString(tensor.shape));
        } catch (IllegalArgumentException error) {
            throw new BundleException(Kind.UNSUPPORTED, error.getMessage());
        }
    }
}
