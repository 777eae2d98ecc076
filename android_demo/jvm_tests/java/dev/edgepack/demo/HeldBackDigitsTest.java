package dev.edgepack.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import android.content.Context;
import android.content.res.AssetManager;
import android.graphics.Bitmap;
import android.graphics.Color;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;

/** Handwriting that no model has seen, as pictures, recognised as often as the bundle's makers state. */
@RunWith(RobolectricTestRunner.class)
public final class HeldBackDigitsTest {
    /** Of a digit in the data: its side in blocks, and a block's side in pixels. */
    private static final int BLOCKS = 8;
    private static final int BLOCK = 4;
    /** As a share of all digits: the reference kernels of two processors round differently. */
    private static final double MARGIN = .01;

    @Test
    public void everyArtifactIsAsRightAsStated() throws Exception {
        byte[] data = Files.readAllBytes(Paths.get(System.getProperty("edgepack.held_back")));
        Map<String, Double> stated = statedAccuracies();
        assertTrue(stated.size() >= 6);
        Map<String, Double> found = Screens.inBackground(() -> accuracies(data));
        assertEquals(stated.keySet(), found.keySet());
        for (String id : stated.keySet()) {
            System.out.printf(Locale.ROOT, "%n%-20s right %.2f %%, stated %.2f %%",
                    id, 100 * found.get(id), 100 * stated.get(id));
            assertEquals(id, stated.get(id), found.get(id), MARGIN);
        }
        System.out.println();
    }

    /** Gives the share of right answers by artifact. */
    private static Map<String, Double> accuracies(byte[] data) throws Exception {
        Map<String, Integer> right = new TreeMap<>(), asked = new TreeMap<>();
        int length = BLOCKS * BLOCKS + 1;
        try (Recognizer recognizer = new Recognizer(Bundles.embedded(RuntimeEnvironment.getApplication()))) {
            for (String precision : recognizer.precisions()) {
                for (int at = 0; at < data.length; at += length) {
                    byte[] row = Arrays.copyOfRange(data, at, at + length);
                    for (Recognizer.Answer answer : recognizer.recognize(picture(row), precision)) {
                        int digit = Integer.parseInt(answer.labels[answer.best()]);
                        String id = answer.artifact.getString("id");
                        asked.merge(id, 1, Integer::sum);
                        right.merge(id, digit == row[length - 1] ? 1 : 0, Integer::sum);
                    }
                }
            }
        }
        Map<String, Double> shares = new TreeMap<>();
        right.forEach((id, count) -> shares.put(id, count / (double) asked.get(id)));
        return shares;
    }

    /**
     * Draws a digit as the data set's makers got it: each value is how many pixels of a block are dark. Where in the block
     * they were is not known. They are put as far out as can be, because the digits of the data set fill their pictures.
     */
    private static Bitmap picture(byte[] row) {
        int side = BLOCKS * BLOCK;
        Bitmap picture = Bitmap.createBitmap(side, side, Bitmap.Config.ARGB_8888);
        picture.eraseColor(Color.WHITE);
        for (int block = 0; block < BLOCKS * BLOCKS; block++) {
            for (int dark = 0; dark < row[block]; dark++) {
                int x = outward(block % BLOCKS, dark % BLOCK), y = outward(block / BLOCKS, dark / BLOCK);
                picture.setPixel(x, y, Color.BLACK);
            }
        }
        return picture;
    }

    /** Counts a block's places from its outer side on. */
    private static int outward(int block, int place) {
        return block * BLOCK + (block < BLOCKS / 2 ? place : BLOCK - 1 - place);
    }

    private static Map<String, Double> statedAccuracies() throws Exception {
        Context context = RuntimeEnvironment.getApplication();
        AssetManager assets = context.getAssets();
        try (InputStream in = assets.open("edgepack/" + assets.list("edgepack")[0] + "/manifest.json")) {
            JSONObject manifest = new JSONObject(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            JSONArray artifacts = manifest.getJSONArray("artifacts");
            Map<String, Double> stated = new TreeMap<>();
            for (int at = 0; at < artifacts.length(); at++) {
                JSONObject artifact = artifacts.getJSONObject(at);
                stated.put(artifact.getString("id"), artifact.getJSONObject("answers").getDouble("accuracy"));
            }
            return stated;
        }
    }
}
