package dev.edgepack.demo;

import android.content.Context;

/** What people call an artifact's format. */
final class Formats {
    private Formats() {
    }

    static String title(Context context, String format) {
        switch (format) {
            case "torch_lite": return context.getString(R.string.torch_lite);
            case "tflite": return context.getString(R.string.tflite);
            default: return format;
        }
    }
}
