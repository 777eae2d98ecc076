package dev.edgepack.demo;

import android.content.res.AssetManager;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Set;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadows.ShadowArscAssetManager14;

/** Robolectric's assets, but for a folder's list, which there names the files of all folders below. */
@Implements(AssetManager.class)
public final class ShadowAssets extends ShadowArscAssetManager14 {
    @Implementation
    protected static String[] nativeList(long pointer, String folder) throws IOException {
        Set<String> names = new LinkedHashSet<>();
        for (String path : ShadowArscAssetManager14.nativeList(pointer, folder)) names.add(path.split("/")[0]);
        return names.toArray(new String[0]);
    }
}
