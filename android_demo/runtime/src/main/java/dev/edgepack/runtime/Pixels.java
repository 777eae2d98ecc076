package dev.edgepack.runtime;

/** A picture in whole numbers, by row, column and channel; each method is a step of docs/bundle.md. */
final class Pixels {
    final int height;
    final int width;
    final int channels;
    final int[] values;

    Pixels(int height, int width, int channels) {
        this.height = height;
        this.width = width;
        this.channels = channels;
        values = new int[height * width * channels];
    }

    /** Takes red, green and blue out of what android.graphics.Bitmap.getPixels gives. */
    static Pixels of(int[] argb, int width) {
        Pixels pixels = new Pixels(argb.length / width, width, 3);
        for (int at = 0; at < pixels.values.length; at++) {
            pixels.values[at] = argb[at / 3] >> (16 - 8 * (at % 3)) & 0xff;
        }
        return pixels;
    }

    float[] numbers() {
        float[] numbers = new float[values.length];
        for (int at = 0; at < numbers.length; at++) numbers[at] = values[at];
        return numbers;
    }

    Pixels crop(int tall, int wide) throws BundleException {
        require(tall <= height && wide <= width, "is too small for crop " + tall + "x" + wide);
        return cut((int) Math.rint((height - tall) / 2.0), (int) Math.rint((width - wide) / 2.0), tall, wide);
    }

    Pixels grayscale() {
        Pixels gray = new Pixels(height, width, 1);
        for (int at = 0; at < gray.values.length; at++) {
            int luma = 19595 * values[3 * at] + 38470 * values[3 * at + 1] + 7471 * values[3 * at + 2];
            gray.values[at] = luma + 32768 >> 16;
        }
        return gray;
    }

    Pixels bgr() {
        Pixels turned = new Pixels(height, width, channels);
        for (int at = 0; at < values.length; at++) turned.values[at] = values[at / 3 * 3 + 2 - at % 3];
        return turned;
    }

    Pixels invert() {
        for (int at = 0; at < values.length; at++) values[at] = 255 - values[at];
        return this;
    }

    Pixels centre(int level, int margin) {
        int top = height, bottom = 0, left = width, right = 0;
        for (int at = 0; at < values.length; at++) {
            if (values[at] < level) continue;
            int row = at / channels / width, column = at / channels % width;
            top = Math.min(top, row);
            bottom = Math.max(bottom, row + 1);
            left = Math.min(left, column);
            right = Math.max(right, column + 1);
        }
        Pixels box = bottom == 0 ? this : cut(top, left, bottom - top, right - left);
        int longer = Math.max(box.height, box.width), side = longer + 2 * (longer * margin / 100);
        return box.cut(-((side - box.height) / 2), -((side - box.width) / 2), side, side);
    }

    /** Cuts out a rectangle; what lies beyond the picture is 0. */
    private Pixels cut(int top, int left, int tall, int wide) {
        Pixels part = new Pixels(tall, wide, channels);
        for (int row = Math.max(0, -top); row < tall && top + row < height; row++) {
            int from = Math.max(0, -left), until = Math.min(wide, width - left);
            int source = ((top + row) * width + left + from) * channels;
            System.arraycopy(
                    values, source, part.values, (row * wide + from) * channels, (until - from) * channels);
        }
        return part;
    }

    Pixels threshold(int level) {
        for (int at = 0; at < values.length; at++) values[at] = values[at] >= level ? 1 : 0;
        return this;
    }

    Pixels blockSum(int block) throws BundleException {
        require(height % block == 0 && width % block == 0, "cannot be divided into blocks of " + block);
        Pixels sums = new Pixels(height / block, width / block, channels);
        for (int row = 0, at = 0; row < height; row++) {
            for (int column = 0; column < width; column++) {
                int to = (row / block * sums.width + column / block) * channels;
                for (int channel = 0; channel < channels; channel++) sums.values[to + channel] += values[at++];
            }
        }
        return sums;
    }

    private void require(boolean condition, String fault) throws BundleException {
        if (condition) return;
        throw BundleException.unsupported("a picture of " + height + "x" + width + " pixels " + fault);
    }
}
