package dev.edgepack.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Values by row in a direct, little-endian buffer: as they lie in a bundle's files, and as runtimes take them. */
public final class Tensor {
    public final DType dtype;
    public final int[] shape;
    public final ByteBuffer data;

    /** Makes a tensor of zeros. */
    public Tensor(DType dtype, int... shape) {
        this(dtype, shape, ByteBuffer.allocateDirect(count(shape) * dtype.bytes));
    }

    Tensor(DType dtype, int[] shape, ByteBuffer data) {
        this.dtype = dtype;
        this.shape = shape;
        this.data = data.order(ByteOrder.LITTLE_ENDIAN);
    }

    static int count(int[] shape) {
        int count = 1;
        for (int size : shape) count *= size;
        return count;
    }

    /** How many values there are. */
    public int count() {
        return count(shape);
    }

    /** Gives a value; of int64 beyond 2^53, the nearest double. */
    public double get(int at) {
        switch (dtype) {
            case FLOAT32: return data.getFloat(4 * at);
            case FLOAT64: return data.getDouble(8 * at);
            case INT16: return data.getShort(2 * at);
            case INT32: return data.getInt(4 * at);
            case INT64: return data.getLong(8 * at);
            case INT8: return data.get(at);
            default: return data.get(at) & 0xff;
        }
    }

    /** Sets a value; what the dtype cannot hold is rounded or cut off. */
    public void set(int at, double value) {
        switch (dtype) {
            case FLOAT32: data.putFloat(4 * at, (float) value); break;
            case FLOAT64: data.putDouble(8 * at, value); break;
            case INT16: data.putShort(2 * at, (short) value); break;
            case INT32: data.putInt(4 * at, (int) value); break;
            case INT64: data.putLong(8 * at, (long) value); break;
            default: data.put(at, (byte) (int) value);
        }
    }

    /** Whether a value is another tensor's, bit by bit. */
    boolean same(int index, Tensor other) {
        for (int at = index * dtype.bytes; at < (index + 1) * dtype.bytes; at++) {
            if (data.get(at) != other.data.get(at)) return false;
        }
        return true;
    }

    /** Gives the same values with axes of size 1 added or dropped. */
    Tensor reshaped(int... sizes) {
        return new Tensor(dtype, sizes, data);
    }

    /** Gives the same values in another order: axis k of what comes out is axis axes[k] of this. */
    Tensor transposed(int... axes) {
        int rank = axes.length;
        int[] sizes = new int[rank], place = new int[rank];
        for (int axis = 0; axis < rank; axis++) sizes[axis] = shape[axes[axis]];
        Tensor moved = new Tensor(dtype, sizes);
        for (int at = 0; at < moved.count(); at++) {
            for (int axis = rank - 1, rest = at; axis >= 0; rest /= sizes[axis--]) {
                place[axes[axis]] = rest % sizes[axis];
            }
            int from = 0;
            for (int axis = 0; axis < rank; axis++) from = from * shape[axis] + place[axis];
            for (int part = 0; part < dtype.bytes; part++) {
                moved.data.put(at * dtype.bytes + part, data.get(from * dtype.bytes + part));
            }
        }
        return moved;
    }

    @Override
    public String toString() {
        return dtype + Arrays.toString(shape);
    }
}
