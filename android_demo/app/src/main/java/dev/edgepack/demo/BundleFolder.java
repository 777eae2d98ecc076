package dev.edgepack.demo;

import dev.edgepack.runtime.BundleReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel.MapMode;

/** A bundle among the app's own files. */
public final class BundleFolder implements BundleReader.Source {
    private final File folder;

    public BundleFolder(File folder) {
        this.folder = folder;
    }

    @Override
    public ByteBuffer open(String path) throws IOException {
        File file = new File(folder, path).getCanonicalFile();
        if (!file.getPath().startsWith(folder.getCanonicalPath() + "/")) {
            throw new IOException("it leads out of the bundle");
        }
        try (FileInputStream in = new FileInputStream(file)) {
            return in.getChannel().map(MapMode.READ_ONLY, 0, file.length());
        }
    }
}
