package dev.edgepack.demo;

import android.content.Context;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.Bundle;
import android.os.Process;
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** What this device is, and which runtimes the app brings to it: the report's keys `device` and `runtimes`. */
final class Device {
    private Device() {
    }

    static JSONObject describe() throws JSONException {
        String[] abis = Process.is64Bit() ? Build.SUPPORTED_64_BIT_ABIS : Build.SUPPORTED_32_BIT_ABIS;
        return new JSONObject()
                .put("manufacturer", Build.MANUFACTURER)
                .put("model", Build.MODEL)
                .put("android", Build.VERSION.RELEASE)
                .put("sdk", Build.VERSION.SDK_INT)
                .put("abi", abis.length > 0 ? abis[0] : Build.UNKNOWN)
                .put("cpu_features", cpuFeatures());
    }

    static JSONObject runtimes(Context context) throws JSONException {
        JSONObject releases = new JSONObject();
        try {
            Bundle values = context.getPackageManager()
                    .getApplicationInfo(context.getPackageName(), PackageManager.GET_META_DATA).metaData;
            for (String format : new String[] {"torch_lite", "tflite"}) {
                releases.put(format, values.getString("dev.edgepack.runtime." + format));
            }
        } catch (PackageManager.NameNotFoundException error) {
            throw new AssertionError("an app is installed where it runs", error);
        }
        return releases;
    }

    /** Reads the first core's features; Linux calls them Features on ARM and flags on x86. */
    private static JSONArray cpuFeatures() {
        JSONArray features = new JSONArray();
        try (BufferedReader lines = new BufferedReader(new FileReader("/proc/cpuinfo"))) {
            for (String line; (line = lines.readLine()) != null && features.length() == 0; ) {
                if (!line.startsWith("Features") && !line.startsWith("flags")) continue;
                for (String feature : line.substring(line.indexOf(':') + 1).trim().split(" ")) features.put(feature);
            }
        } catch (IOException error) {
            // Some devices do not let apps read it: no feature is known then.
            return features;
        }
        return features;
    }
}
