package dev.edgepack.runtime;

import java.util.Locale;

/** What a tensor holds. */
public enum DType {
    FLOAT32(4, true), FLOAT64(8, true), INT8(1, false), UINT8(1, false), INT16(2, false), INT32(4, false),
    INT64(8, false), BOOL(1, false);

    /** Bytes of one value. */
    public final int bytes;
    public final boolean isFloat;

    DType(int bytes, boolean isFloat) {
        this.bytes = bytes;
        this.isFloat = isFloat;
    }

    static DType of(String name) throws BundleException {
        for (DType type : values()) {
            if (type.name().toLowerCase(Locale.ROOT).equals(name)) return type;
        }
        throw BundleException.unsupported("no runtime has tensors of " + name);
    }

    /** Rounds to the nearest whole number, halves to even, that a quantised tensor of this dtype can hold. */
    double quantised(double value) {
        double count = Math.pow(2, 8 * bytes), smallest = this == UINT8 ? 0 : -count / 2;
        return Math.max(smallest, Math.min(smallest + count - 1, Math.rint(value)));
    }
}
