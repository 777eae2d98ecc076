package dev.edgepack.demo;

import android.content.Context;
import dev.edgepack.runtime.BundleException;
import dev.edgepack.runtime.BundleException.Kind;
import dev.edgepack.runtime.BundleReader;
import java.io.File;
import java.io.IOException;

/** Finds the bundle that the app works with. */
final class Bundles {
    private Bundles() {
    }

    /** Opens the bundle that was put into the app when it was built. */
    static BundleReader embedded(Context context) throws BundleException {
        try {
            String[] names = context.getAssets().list("edgepack");
            if (names != null && names.length > 0) {
                return BundleReader.fromAssets(context.getAssets(), names[0], cache(context));
            }
        } catch (IOException error) {
            throw new BundleException(Kind.MISSING, "assets/edgepack: " + error.getMessage());
        }
        throw new BundleException(Kind.MISSING, "assets/edgepack");
    }

    /** Opens a bundle that was brought in later; it has to lie inside the app's own files. */
    static BundleReader pushed(Context context, String path) throws BundleException {
        try {
            File folder = new File(path).getCanonicalFile();
            // Android has two names for this folder; on some releases, neither is a link to the other.
            File other = new File("/data/data/" + context.getPackageName() + "/files");
            for (File home : new File[] {context.getFilesDir(), other}) {
                if (folder.getPath().startsWith(home.getCanonicalPath() + "/")) {
                    return new BundleReader(new BundleFolder(folder), cache(context));
                }
            }
        } catch (IOException error) {
            throw new BundleException(Kind.MISSING, path + ": " + error.getMessage());
        }
        throw new BundleException(Kind.MISSING, path + " is not among this app's files");
    }

    private static File cache(Context context) {
        return new File(context.getCacheDir(), "edgepack");
    }
}
