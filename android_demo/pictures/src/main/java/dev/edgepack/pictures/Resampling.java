package dev.edgepack.pictures;

/** Of what the step `resize` makes each new place of an axis: Pillow's arithmetic, to the last bit. */
final class Resampling {
    /** Weights are whole numbers of 2^-BITS. */
    static final int BITS = 22;
    final int[] first;
    final double[][] weights;

    Resampling(int size, int count, String method, boolean antialias) {
        if (!method.matches("bilinear|bicubic")) {
            throw new IllegalArgumentException("this app cannot resize by " + method);
        }
        double ratio = (double) size / count, widened = antialias ? Math.max(1.0, ratio) : 1.0;
        double reach = method.equals("bicubic") ? 2.0 * widened : widened;
        first = new int[count];
        weights = new double[count][];
        for (int place = 0; place < count; place++) {
            double centre = (place + 0.5) * ratio, sum = 0.0;
            first[place] = Math.max(0, (int) (centre - reach + 0.5));
            double[] shares = new double[Math.min(size, (int) (centre + reach + 0.5)) - first[place]];
            for (int j = 0; j < shares.length; j++) {
                shares[j] = filter(method, Math.abs((j + first[place] - centre + 0.5) * (1.0 / widened)));
                sum += shares[j];
            }
            for (int j = 0; j < shares.length; j++) {
                double share = shares[j] / sum;
                shares[j] = (long) (share * (1 << BITS) + Math.copySign(0.5, share));
            }
            weights[place] = shares;
        }
    }

    private static double filter(String method, double x) {
        if (method.equals("bilinear")) return Math.max(0.0, 1.0 - x);
        double a = -0.5;
        if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
        return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
    }
}
