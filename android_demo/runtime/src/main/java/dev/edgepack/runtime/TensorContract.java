package dev.edgepack.runtime;

import org.json.JSONException;
import org.json.JSONObject;

/** A tensor of an artifact's file, and how it relates to the model's tensor of that name: see docs/bundle.md. */
public final class TensorContract extends TensorSpec {
    /** Its position among the file's inputs or outputs. */
    public final int index;
    private final int[] axes;
    private final double[] scale;
    private final double[] zeroPoint;

    TensorContract(JSONObject entry) throws JSONException, BundleException {
        super(entry);
        index = entry.getInt("index");
        axes = integers(entry.getJSONArray("axes"));
        scale = numbers(entry.optJSONArray("scale"));
        zeroPoint = numbers(entry.optJSONArray("zero_point"));
    }

    /** Turns the model's tensor into the file's. */
    Tensor toFile(Tensor tensor) throws BundleException {
        require(tensor.shape.length == axes.length && tensor.count() == Tensor.count(shape), tensor);
        Tensor moved = tensor.transposed(axes).reshaped(shape);
        if (scale.length == 0) return cast(moved, dtype);
        Tensor quantised = new Tensor(dtype, shape);
        for (int at = 0; at < moved.count(); at++) {
            require(!Double.isNaN(moved.get(at)), "NaN");
            quantised.set(at, dtype.quantised(moved.get(at) / scale[at % scale.length] + zeroPoint[at % scale.length]));
        }
        return quantised;
    }

    /** Turns the file's tensor into the model's. */
    Tensor toModel(Tensor tensor, TensorSpec model) throws BundleException {
        require(model.shape.length == axes.length && tensor.count() == Tensor.count(model.shape), model);
        Tensor real = scale.length == 0 ? tensor : new Tensor(DType.FLOAT64, shape);
        for (int at = 0; at < real.count() && scale.length > 0; at++) {
            real.set(at, (tensor.get(at) - zeroPoint[at % scale.length]) * scale[at % scale.length]);
        }
        int[] sizes = new int[axes.length], back = new int[axes.length];
        for (int axis = 0; axis < axes.length; axis++) {
            sizes[axis] = model.shape[axes[axis]];
            back[axes[axis]] = axis;
        }
        return cast(real.reshaped(sizes).transposed(back), model.dtype);
    }

    /** Changes the dtype; only the rounding between float widths may change a value. */
    private Tensor cast(Tensor tensor, DType wanted) throws BundleException {
        if (tensor.dtype == wanted) return tensor;
        Tensor cast = new Tensor(wanted, tensor.shape);
        for (int at = 0; at < cast.count(); at++) {
            cast.set(at, tensor.get(at));
            boolean rounded = tensor.dtype.isFloat && wanted.isFloat && !Double.isInfinite(cast.get(at));
            require(rounded || cast.get(at) == tensor.get(at), tensor.get(at));
        }
        return cast;
    }

    private void require(boolean condition, Object culprit) throws BundleException {
        if (condition) return;
        throw BundleException.damaged("the file's " + this + " cannot be " + culprit);
    }
}
