package dev.edgepack.runtime;

import dev.edgepack.runtime.BundleException.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.json.JSONArray;
import org.json.JSONObject;

/** Values by row in a direct, little-endian buffer: as they lie in a bundle's files, and as runtimes take them. */
public final class Tensor {
    /** The manifest's word for what it holds, such as "float32". */
    public final String dtype;
    public final int[] shape;
    public final ByteBuffer data;
    final boolean isFloat;
    private final int bytes;

    /** Makes a tensor of zeros. */
    public Tensor(String dtype, int... shape) {
        this.dtype = dtype;
        this.shape = shape;
        isFloat = dtype.startsWith("float");
        bytes = dtype.equals("bool") ? 1 : Integer.parseInt(dtype.replaceAll("\\D", "")) / 8;
        data = ByteBuffer.allocateDirect(count() * bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Makes a tensor of zeros as an entry of the manifest describes it. */
    static Tensor of(JSONObject entry) throws BundleException {
        String dtype = entry.optString("dtype");
        if (dtype.matches("bool|u?int8|int16|(int|float)(32|64)")) return new Tensor(dtype, integers(entry, "shape"));
        throw new BundleException(Kind.UNSUPPORTED, "no runtime has tensors of " + dtype);
    }

    /** How many values there are. */
    public int count() {
        return IntStream.of(shape).reduce(1, (count, size) -> count * size);
    }

    /** Gives a value; of int64 beyond 2^53, the nearest double. */
    public double get(int at) {
        long bits = bits(at);
        if (isFloat) return bytes == 4 ? Float.intBitsToFloat((int) bits) : Double.longBitsToDouble(bits);
        return dtype.startsWith("int") ? bits : bits & 0xff;
    }

    /** Sets a value; what the dtype cannot hold is rounded or cut off. */
    public void set(int at, double value) {
        long bits = bytes == 4 ? Float.floatToRawIntBits((float) value) : Double.doubleToRawLongBits(value);
        setBits(at, isFloat ? bits : (long) value);
    }

    long bits(int at) {
        return switch (bytes) {
            case 1 -> data.get(at);
            case 2 -> data.getShort(2 * at);
            case 4 -> data.getInt(4 * at);
            default -> data.getLong(8 * at);
        };
    }

    void setBits(int at, long bits) {
        for (int part = 0; part < bytes; part++) data.put(at * bytes + part, (byte) (bits >> 8 * part));
    }

    /** Fills the file's tensor from the model's, or the other way round, by the manifest's entry for the file's. */
    static Tensor carry(Tensor model, Tensor file, JSONObject contract, boolean toFile) throws BundleException {
        Tensor from = toFile ? model : file, to = toFile ? file : model;
        String fault = "the file's " + contract.optString("name") + ":" + file + " cannot be ";
        double[] scale = numbers(contract, "scale"), zeroPoint = numbers(contract, "zero_point");
        int[] places = places(model.shape, integers(contract, "axes"));
        if (places.length != file.count()) throw new BundleException(Kind.DAMAGED, fault + model);
        boolean same = scale.length == 0 && from.dtype.equals(to.dtype);
        boolean rounds = to.isFloat && (from.isFloat || scale.length > 0);
        double steps = Math.pow(2, 8 * to.bytes), least = to.dtype.startsWith("u") ? 0 : -steps / 2;
        for (int at = 0; at < places.length; at++) {
            int source = toFile ? places[at] : at, target = toFile ? at : places[at];
            double value = from.get(source);
            if (scale.length > 0) {
                double step = scale[at % scale.length], zero = zeroPoint[at % scale.length];
                if (!toFile) value = (value - zero) * step;
                else value = Math.max(least, Math.min(least + steps - 1, Math.rint(value / step + zero)));
            }
            to.set(target, value);
            // Only the rounding between widths of floats may change a value; not all of int64's fit a double.
            if (same) to.setBits(target, from.bits(source));
            else if (to.get(target) != value && (!rounds || Double.isInfinite(to.get(target)))) {
                throw new BundleException(Kind.DAMAGED, fault + value);
            }
        }
        return to;
    }

    /** Says of each value, in an order of axes whose axis k is the shape's axes[k], where it lies in the shape. */
    static int[] places(int[] shape, int... axes) {
        int[] places = {0};
        for (int axis : axes) {
            int size = shape[axis], stride = 1;
            for (int inner = axis + 1; inner < shape.length; inner++) stride *= shape[inner];
            int[] more = new int[places.length * size];
            for (int at = 0; at < more.length; at++) more[at] = places[at / size] + at % size * stride;
            places = more;
        }
        return places;
    }

    /** Gives the numbers of an array in the manifest; none where it is missing. */
    static double[] numbers(JSONObject entry, String key) {
        JSONArray array = entry.optJSONArray(key);
        return IntStream.range(0, array == null ? 0 : array.length()).mapToDouble(at -> array.optDouble(at)).toArray();
    }

    static int[] integers(JSONObject entry, String key) {
        return Arrays.stream(numbers(entry, key)).mapToInt(number -> (int) number).toArray();
    }

    @Override
    public String toString() {
        return dtype + Arrays.toString(shape);
    }
}
