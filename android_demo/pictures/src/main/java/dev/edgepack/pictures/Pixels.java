package dev.edgepack.pictures;

import java.util.Arrays;
import java.util.IntSummaryStatistics;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.IntStream;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * A picture on its way to a model's input: what the preprocessing steps of docs/bundle.md compute, to the last bit.
 *
 * @param values by row, column and channel, in float32, which holds all whole numbers that come up exactly
 * @param shape height, width and channels; once it is laid out, that of the input
 */
public record Pixels(float[] values, int... shape) {
    private static final int ROWS = 0, COLUMNS = 1, CHANNELS = 2;
    private static final double[] ONE = {1};

    /** Takes the pixels that android.graphics.Bitmap.getPixels gives. */
    public static Pixels of(int[] argb, int width) {
        float[] values = new float[3 * argb.length];
        for (int at = 0; at < values.length; at++) values[at] = argb[at / 3] >> (16 - 8 * (at % 3)) & 0xff;
        return new Pixels(values, argb.length / width, width, 3);
    }

    /**
     * Carries out a step.
     *
     * @param step as the manifest has it
     * @throws IllegalArgumentException it is not known here, or the picture's size does not suit it
     */
    public Pixels after(JSONObject step) {
        String op = step.optString("op");
        double[] size = numbers(step, "size"), operands = numbers(step, "values");
        return switch (op) {
            case "resize" -> resize(step, size);
            case "crop" -> crop((int) size[0], (int) size[1]);
            case "grayscale" -> along(CHANNELS, 16, new int[] {0}, new double[] {19595, 38470, 7471});
            case "bgr" -> along(CHANNELS, 0, new int[] {2, 1, 0}, ONE);
            case "invert" -> each((value, white) -> white - value, 255);
            case "centre" -> centre(step.optInt("level"), step.optInt("margin"));
            case "threshold" -> each((value, level) -> value >= level ? 1 : 0, step.optInt("level"));
            case "blocksum" -> blockSum(step.optInt("block"));
            case "scale" -> each((value, by) -> value * by, step.optDouble("multiply"))
                    .each((value, by) -> value / by, step.optDouble("divide"));
            case "mean" -> each((value, mean) -> value - mean, operands);
            case "std" -> each((value, std) -> value / std, operands);
            case "layout" -> layout(step.optString("order"));
            default -> throw new IllegalArgumentException("this app knows no preprocessing step " + op);
        };
    }

    /**
     * Computes values one by one. Of a single operation in float64 on float32 numbers, rounding the result gives what
     * the operation gives in float32 (S. Figueroa, When is double rounding innocuous?, SIGNUM 30, 1995).
     *
     * @param operands one for all channels, or one each
     */
    private Pixels each(DoubleBinaryOperator operation, double... operands) {
        float[] made = new float[values.length];
        for (int at = 0; at < made.length; at++) {
            float operand = (float) operands[at % shape[CHANNELS] % operands.length];
            made[at] = (float) operation.applyAsDouble(values[at], operand);
        }
        return new Pixels(made, shape);
    }

    /**
     * Makes an axis anew: each place is a weighted sum of old ones, 0 beyond the ends.
     *
     * @param bits weights are in parts of 2^bits; the sum is rounded then, and ends at 0 and 255
     * @param first for each new place, the first old one
     * @param weights of old places from the first on, the same for all new places or for each
     */
    private Pixels along(int axis, int bits, int[] first, double[]... weights) {
        int size = shape[axis], stride = stride(axis), count = first.length;
        float[] made = new float[values.length / size * count];
        for (int at = 0; at < made.length; at++) {
            int place = at / stride % count, old = first[place];
            int line = at / stride / count * size * stride + at % stride;
            double sum = 0;
            for (double weight : weights[place % weights.length]) {
                if (old >= 0 && old < size) sum += weight * values[line + old * stride];
                old++;
            }
            double rounded = Math.floor(sum / (1 << bits) + 0.5);
            made[at] = (float) (bits == 0 ? sum : Math.max(0, Math.min(255, rounded)));
        }
        int[] changed = shape.clone();
        changed[axis] = count;
        return new Pixels(made, changed);
    }

    /** How far apart two neighbours along an axis lie. */
    private int stride(int axis) {
        return axis == ROWS ? shape[COLUMNS] * shape[CHANNELS] : axis == COLUMNS ? shape[CHANNELS] : 1;
    }

    private Pixels cut(int axis, int start, int size) {
        return along(axis, 0, IntStream.range(start, start + size).toArray(), ONE);
    }

    /** Gives the middle; what of it lies beyond the picture is 0. */
    private Pixels middle(int height, int width) {
        return cut(ROWS, (int) Math.rint((shape[ROWS] - height) / 2.0), height)
                .cut(COLUMNS, (int) Math.rint((shape[COLUMNS] - width) / 2.0), width);
    }

    private Pixels crop(int height, int width) {
        require(height <= shape[ROWS] && width <= shape[COLUMNS], "is too small for crop " + height + "x" + width);
        return middle(height, width);
    }

    private Pixels centre(int level, int margin) {
        Pixels box = this;
        for (int axis : new int[] {ROWS, COLUMNS}) {
            IntSummaryStatistics bright = IntStream.range(0, values.length).filter(at -> values[at] >= level)
                    .map(at -> at / stride(axis) % shape[axis]).summaryStatistics();
            if (bright.getCount() > 0) box = box.cut(axis, bright.getMin(), bright.getMax() + 1 - bright.getMin());
        }
        int longer = Math.max(box.shape[ROWS], box.shape[COLUMNS]), side = longer + 2 * (longer * margin / 100);
        return box.middle(side, side);
    }

    private Pixels blockSum(int block) {
        require(shape[ROWS] % block + shape[COLUMNS] % block == 0, "cannot be divided into blocks of " + block);
        double[] ones = new double[block];
        Arrays.fill(ones, 1);
        Pixels pixels = this;
        for (int axis : new int[] {ROWS, COLUMNS}) {
            int[] first = IntStream.range(0, shape[axis] / block).map(place -> place * block).toArray();
            pixels = pixels.along(axis, 0, first, ones);
        }
        return pixels;
    }

    private Pixels layout(String order) {
        require(order.matches("n?(chw|hwc)"), "cannot be laid out as " + order);
        int area = shape[ROWS] * shape[COLUMNS], channels = shape[CHANNELS];
        boolean planes = order.endsWith("chw");
        float[] made = values;
        if (planes) {
            made = new float[values.length];
            for (int at = 0; at < made.length; at++) made[at % channels * area + at / channels] = values[at];
        }
        int[] sizes = planes ? new int[] {1, channels, shape[ROWS], shape[COLUMNS]}
                : new int[] {1, shape[ROWS], shape[COLUMNS], channels};
        return new Pixels(made, order.startsWith("n") ? sizes : Arrays.copyOfRange(sizes, 1, 4));
    }

    private Pixels resize(JSONObject step, double[] size) {
        String method = step.optString("method");
        boolean antialias = step.optBoolean("antialias");
        long height = (long) size[0], width = (long) size[size.length - 1];
        if (size.length == 1) {
            height = Math.max(height, height * shape[ROWS] / shape[COLUMNS]);
            width = Math.max(width, width * shape[COLUMNS] / shape[ROWS]);
        }
        return resample(COLUMNS, (int) width, method, antialias).resample(ROWS, (int) height, method, antialias);
    }

    private Pixels resample(int axis, int count, String method, boolean antialias) {
        if (count == shape[axis]) return this;
        if (method.equals("nearest")) {
            long size = shape[axis];
            int[] nearest = IntStream.range(0, count).map(to -> (int) ((2L * to + 1) * size / (2L * count))).toArray();
            return along(axis, 0, nearest, ONE);
        }
        Resampling resampling = new Resampling(shape[axis], count, method, antialias);
        return along(axis, Resampling.BITS, resampling.first, resampling.weights);
    }

    private void require(boolean condition, String fault) {
        if (condition) return;
        String size = shape[ROWS] + "x" + shape[COLUMNS];
        throw new IllegalArgumentException("a picture of " + size + " pixels " + fault);
    }

    private static double[] numbers(JSONObject step, String key) {
        JSONArray array = step.optJSONArray(key);
        return IntStream.range(0, array == null ? 0 : array.length()).mapToDouble(at -> array.optDouble(at)).toArray();
    }
}
