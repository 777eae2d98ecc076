package dev.edgepack.demo;

import android.content.Context;
import dev.edgepack.runtime.BundleException;

/** Words what went wrong in the user's language. */
final class Messages {
    private Messages() {
    }

    static String of(Context context, Throwable error) {
        if (!(error instanceof BundleException)) return context.getString(R.string.error_unexpected, error.toString());
        switch (((BundleException) error).kind) {
            case MISSING: return context.getString(R.string.error_missing, error.getMessage());
            case DAMAGED: return context.getString(R.string.error_damaged, error.getMessage());
            default: return context.getString(R.string.error_unsupported, error.getMessage());
        }
    }
}
