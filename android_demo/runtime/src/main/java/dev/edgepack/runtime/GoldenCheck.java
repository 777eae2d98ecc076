package dev.edgepack.runtime;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.json.JSONObject;

/** Judges golden cases by what the manifest allows, as docs/bundle.md says and `edgepack verify` does. */
public final class GoldenCheck {
    /** The largest share of an output's largest value that `absolute` may allow: or zeros would pass for it. */
    private static final double SMALL_SHARE = 1e-3;
    private static final double INFINITE = Double.POSITIVE_INFINITY;

    /** How one output fared. */
    public static final class Output {
        public final String name;
        public final Tensor got;
        public final boolean passed;
        /** The largest difference to the model's own answer; infinite where the two cannot be compared. */
        public final double maxError;
        /** Signal-to-noise ratio in decibels; infinite where there is no difference. */
        public final double snrDb;

        Output(String name, Tensor got, boolean passed, double maxError, double snrDb) {
            this.name = name;
            this.got = got;
            this.passed = passed;
            this.maxError = maxError;
            this.snrDb = snrDb;
        }
    }

    private GoldenCheck() {
    }

    /** Runs an artifact on a golden case, and judges each output. */
    public static List<Output> run(BundleReader bundle, ModelRunner runner, int number) throws BundleException {
        if (runner.artifact.allowed == null) {
            throw BundleException.unsupported("the manifest does not say how far " + runner.artifact.id + " may be off");
        }
        Map<String, Tensor> expected = bundle.goldenOutputs(number);
        List<Output> judged = new ArrayList<>();
        for (Map.Entry<String, Tensor> got : runner.run(bundle.goldenInputs(number)).entrySet()) {
            judged.add(judge(got.getKey(), got.getValue(), expected.get(got.getKey()), runner.artifact.allowed));
        }
        return judged;
    }

    /** Judges an output; `allowed` is the manifest's word on the artifact. */
    static Output judge(String name, Tensor got, Tensor expected, JSONObject allowed) {
        double noise = 0, signal = 0, largest = 0, worst = 0;
        int equal = 0;
        for (int at = 0; at < got.count(); at++) {
            double value = got.get(at), wanted = expected.get(at), error = Math.abs(value - wanted);
            if (got.same(at, expected)) equal++;
            if (Double.isInfinite(error) || Double.isNaN(error)) {
                // NaN and infinities have to stand in the same places.
                if (Double.compare(value, wanted) != 0) return new Output(name, got, false, INFINITE, -INFINITE);
                continue;
            }
            worst = Math.max(worst, error);
            largest = Math.max(largest, Math.abs(wanted));
            noise += error * error;
            signal += wanted * wanted;
        }
        double snr = noise == 0 ? INFINITE : 10 * Math.log10(signal / noise);
        double absolute = allowed.optDouble("absolute");
        double floor = largest > 0 ? Math.min(absolute, SMALL_SHARE * largest) : absolute;
        boolean passed;
        if (!got.dtype.isFloat) passed = equal >= allowed.optDouble("agreement", 1) * got.count();
        else if (allowed.isNull("snr_db")) passed = worst <= floor + allowed.optDouble("relative") * largest;
        else passed = worst <= floor || snr >= allowed.optDouble("snr_db");
        return new Output(name, got, passed, worst, snr);
    }

    /**
     * Makes a golden case's input from its picture, as an app would.
     *
     * @return whether the case has a picture for this input
     * @throws BundleException what comes out is not the case's input, bit by bit
     */
    public static boolean picture(BundleReader bundle, String input, int number) throws BundleException {
        byte[] png = bundle.goldenPicture(number, input);
        if (png == null) return false;
        BitmapFactory.Options asItIs = new BitmapFactory.Options();
        asItIs.inScaled = false;
        Bitmap picture = BitmapFactory.decodeByteArray(png, 0, png.length, asItIs);
        int[] argb = new int[picture.getWidth() * picture.getHeight()];
        picture.getPixels(argb, 0, picture.getWidth(), 0, 0, picture.getWidth(), picture.getHeight());
        Tensor made = bundle.preprocess(input).apply(argb, picture.getWidth());
        Tensor expected = bundle.goldenInputs(number).get(input);
        for (int at = 0; at < made.count(); at++) {
            if (made.same(at, expected)) continue;
            throw BundleException.unsupported("the picture of golden case " + number
                    + " does not become its input: value " + at + " is " + made.get(at) + ", not " + expected.get(at));
        }
        return true;
    }
}
