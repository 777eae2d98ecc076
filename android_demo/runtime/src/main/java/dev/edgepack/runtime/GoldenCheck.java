package dev.edgepack.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.json.JSONObject;

/**
 * How an output of a golden case fares by what the manifest allows, as docs/bundle.md and `edgepack verify` have it.
 *
 * @param maxError the largest difference to the model's own answer; infinite where the two cannot be compared
 * @param snrDb signal-to-noise ratio in decibels; infinite where there is no difference
 */
public record GoldenCheck(String name, Tensor got, boolean passed, double maxError, double snrDb) {
    /** Runs an artifact on a golden case, and judges each output. */
    public static List<GoldenCheck> run(BundleReader bundle, ModelRunner runner, int number) throws BundleException {
        JSONObject given = runner.artifact.optJSONObject("allowed"), allowed = given == null ? new JSONObject() : given;
        Map<String, Tensor> expected = bundle.golden(number, "outputs");
        List<GoldenCheck> judged = new ArrayList<>();
        Map<String, Tensor> outputs = runner.run(bundle.golden(number, "inputs"));
        outputs.forEach((name, got) -> judged.add(judge(name, got, expected.get(name), allowed)));
        return judged;
    }

    static GoldenCheck judge(String name, Tensor got, Tensor expected, JSONObject allowed) {
        double noise = 0, signal = 0, largest = 0, worst = 0;
        int equal = 0, count = got.count();
        for (int at = 0; at < count; at++) {
            double wanted = expected.get(at), error = Math.abs(got.get(at) - wanted);
            if (Double.isInfinite(error) || Double.isNaN(error)) {
                // NaN and infinities have to stand in the same places.
                error = Double.compare(got.get(at), wanted) == 0 ? 0 : Double.POSITIVE_INFINITY;
                wanted = 0;
            }
            if (got.bits(at) == expected.bits(at)) equal++;
            worst = Math.max(worst, error);
            largest = Math.max(largest, Math.abs(wanted));
            noise += error * error;
            signal += wanted * wanted;
        }
        double snr = noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
        // An absolute bound beyond a small share of the largest value would let zeros pass.
        double floor = Math.min(allowed.optDouble("absolute"), largest > 0 ? 1e-3 * largest : Double.MAX_VALUE);
        boolean passed = worst <= floor + allowed.optDouble("relative") * largest;
        if (!got.isFloat) passed = equal >= allowed.optDouble("agreement", 1) * count;
        else if (!allowed.isNull("snr_db")) passed = worst <= floor || snr >= allowed.optDouble("snr_db");
        return new GoldenCheck(name, got, passed, worst, snr);
    }
}
