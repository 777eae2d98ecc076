package dev.edgepack.runtime;

import java.util.Arrays;

/** The step `resize` of docs/bundle.md: Pillow's arithmetic, to the last bit. */
final class Resampler {
    private static final int BITS = 22;
    private final String method;
    private final boolean antialias;

    /** What a place is made of: as many places as there are weights, from the first one on. */
    private static final class Window {
        final int first;
        final long[] weights;

        Window(int first, int count) {
            this.first = first;
            weights = new long[count];
        }
    }

    Resampler(String method, boolean antialias) throws BundleException {
        if (!Arrays.asList("nearest", "bilinear", "bicubic").contains(method)) {
            throw BundleException.unsupported("this app cannot resize by " + method);
        }
        this.method = method;
        this.antialias = antialias;
    }

    /** Resizes to height and width, or to a shorter side where only one number is given. */
    Pixels resize(Pixels pixels, int... size) {
        long height = size[0], width = size[size.length - 1];
        if (size.length == 1 && pixels.height > pixels.width) height = height * pixels.height / pixels.width;
        else if (size.length == 1) width = width * pixels.width / pixels.height;
        Pixels wide = new Pixels(pixels.height, (int) width, pixels.channels);
        resample(pixels.values, pixels.width, wide.values, wide.width, pixels.channels);
        Pixels resized = new Pixels((int) height, wide.width, wide.channels);
        resample(wide.values, wide.height, resized.values, resized.height, wide.width * wide.channels);
        return resized;
    }

    /** Resamples an axis from one size to another; `inner` values lie side by side for each of its places. */
    private void resample(int[] from, int size, int[] to, int wanted, int inner) {
        if (size == wanted) System.arraycopy(from, 0, to, 0, to.length);
        for (int place = 0; place < wanted && size != wanted; place++) {
            Window window = window(place, size, wanted);
            for (int start = 0, at = place * inner; at < to.length; start += size * inner, at += wanted * inner) {
                for (int offset = 0; offset < inner; offset++) {
                    long sum = 1L << BITS - 1;
                    for (int j = 0; j < window.weights.length; j++) {
                        sum += window.weights[j] * from[start + (window.first + j) * inner + offset];
                    }
                    to[at + offset] = (int) Math.max(0, Math.min(255, sum >> BITS));
                }
            }
        }
    }

    private Window window(int place, int size, int wanted) {
        if (method.equals("nearest")) {
            Window one = new Window((int) ((2L * place + 1) * size / (2L * wanted)), 1);
            one.weights[0] = 1L << BITS;
            return one;
        }
        double ratio = (double) size / wanted, widened = antialias ? Math.max(1.0, ratio) : 1.0;
        double centre = (place + 0.5) * ratio, reach = (method.equals("bicubic") ? 2.0 : 1.0) * widened;
        int first = Math.max(0, (int) (centre - reach + 0.5));
        double[] shares = new double[Math.min(size, (int) (centre + reach + 0.5)) - first];
        double sum = 0.0;
        for (int j = 0; j < shares.length; j++) {
            shares[j] = filter(Math.abs((j + first - centre + 0.5) * (1.0 / widened)));
            sum += shares[j];
        }
        Window window = new Window(first, shares.length);
        for (int j = 0; j < shares.length; j++) {
            double share = shares[j] / sum;
            window.weights[j] = (long) (share * (1 << BITS) + Math.copySign(0.5, share));
        }
        return window;
    }

    private double filter(double x) {
        if (method.equals("bilinear")) return Math.max(0.0, 1.0 - x);
        double a = -0.5;
        if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
        return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
    }
}
