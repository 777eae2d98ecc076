package dev.edgepack.runtime;

import android.content.res.AssetFileDescriptor;
import android.content.res.AssetManager;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import java.util.regex.Pattern;
import org.json.JSONObject;

/** A bundle's files, in assets or in a folder; none is handed out that is not what the manifest says. */
abstract class BundleFiles {
    /** A path that stays inside the bundle; the manifest's JSON Schema has the same rule. */
    private static final Pattern PATH =
            Pattern.compile("(?!(.*/)?\\.{1,2}(/|$))[^/\\\\:\\x00-\\x1f]+(/[^/\\\\:\\x00-\\x1f]+)*");
    private final File cache;

    private BundleFiles(File cache) {
        this.cache = cache;
    }

    abstract InputStream open(String path) throws IOException;

    abstract ByteBuffer mapFile(String path) throws IOException;

    static BundleFiles inAssets(AssetManager assets, String folder, File cache) {
        return new BundleFiles(cache) {
            @Override
            InputStream open(String path) throws IOException {
                return assets.open(folder + "/" + path);
            }

            @Override
            ByteBuffer mapFile(String path) throws IOException {
                try (AssetFileDescriptor asset = assets.openFd(folder + "/" + path);
                        FileInputStream in = asset.createInputStream()) {
                    long size = asset.getDeclaredLength();
                    return in.getChannel().map(FileChannel.MapMode.READ_ONLY, asset.getStartOffset(), size);
                }
            }
        };
    }

    static BundleFiles inFolder(File folder, File cache) {
        return new BundleFiles(cache) {
            @Override
            FileInputStream open(String path) throws IOException {
                File file = new File(folder, path).getCanonicalFile();
                if (file.getPath().startsWith(folder.getCanonicalPath() + "/")) return new FileInputStream(file);
                throw new IOException("it leads out of the bundle");
            }

            @Override
            ByteBuffer mapFile(String path) throws IOException {
                try (FileInputStream in = open(path)) {
                    return in.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, in.getChannel().size());
                }
            }
        };
    }

    /** Reads a file whole, without any check. */
    byte[] read(String path) throws BundleException {
        try (InputStream in = open(path)) {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            byte[] buffer = new byte[1 << 16];
            for (int count; (count = in.read(buffer)) >= 0; ) content.write(buffer, 0, count);
            return content.toByteArray();
        } catch (IOException error) {
            throw missing(path, error);
        }
    }

    /** Reads a file of the manifest: its path and sha256. */
    byte[] read(JSONObject file) throws BundleException {
        byte[] content = read(path(file));
        check(ByteBuffer.wrap(content), file);
        return content;
    }

    /** Maps a file of the manifest into memory; in assets it has to lie uncompressed. */
    ByteBuffer map(JSONObject file) throws BundleException {
        try {
            ByteBuffer content = mapFile(path(file));
            check(content, file);
            return content;
        } catch (IOException error) {
            throw missing(path(file), error);
        }
    }

    /** Gives a file of the manifest as one that a runtime can open: a copy that is kept by sha256, never by name. */
    File copy(JSONObject file) throws BundleException {
        ByteBuffer content = map(file);
        File kept = new File(cache, file.optString("sha256"));
        try {
            if (kept.isFile() && sha256(inFolder(cache, cache).mapFile(kept.getName())).equals(kept.getName())) {
                return kept;
            }
            cache.mkdirs();
            File work = File.createTempFile("copy", null, cache);
            try (FileOutputStream out = new FileOutputStream(work)) {
                while (content.hasRemaining()) out.getChannel().write(content);
            }
            if (!work.renameTo(kept)) throw new IOException("cannot rename " + work);
            return kept;
        } catch (IOException error) {
            throw missing(path(file), error);
        }
    }

    static String sha256(ByteBuffer content) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(content.duplicate());
            StringBuilder text = new StringBuilder();
            for (byte part : digest.digest()) text.append(String.format(Locale.ROOT, "%02x", part));
            return text.toString();
        } catch (NoSuchAlgorithmException error) {
            throw new AssertionError("every Android has SHA-256", error);
        }
    }

    private static String path(JSONObject file) throws BundleException {
        String path = file.optString("path");
        if (PATH.matcher(path).matches()) return path;
        throw BundleException.damaged("path \"" + path + "\" may lead out of the bundle");
    }

    private static void check(ByteBuffer content, JSONObject file) throws BundleException {
        if (sha256(content).equals(file.optString("sha256"))) return;
        throw BundleException.damaged(path(file) + " is damaged: its sha256 is not the manifest's");
    }

    private static BundleException missing(String path, IOException error) {
        return BundleException.missing("cannot read " + path + ": " + error.getMessage());
    }
}
