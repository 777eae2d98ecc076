package dev.edgepack.demo;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import dev.edgepack.runtime.BundleException;
import dev.edgepack.runtime.BundleReader;
import dev.edgepack.runtime.Tensor;
import java.nio.ByteBuffer;
import org.json.JSONObject;

/** Whether the golden cases' pictures become their inputs on this device, bit by bit. */
final class GoldenPictures {
    private GoldenPictures() {
    }

    /**
     * Makes inputs of pictures as an app would; gives how many there are.
     *
     * @throws BundleException one comes out as another than the case's input
     */
    static int check(BundleReader bundle) throws BundleException {
        int count = 0;
        for (int number = 0; number < bundle.golden.size(); number++) {
            JSONObject raw = bundle.golden.get(number).optJSONObject("raw");
            for (JSONObject entry : bundle.inputs) {
                String input = entry.optString("name");
                if (raw == null || raw.isNull(input)) continue;
                Bitmap picture = decode(bundle.read(raw.optJSONObject(input)));
                Tensor made = bundle.preprocess(input).apply(Recognizer.pixels(picture), picture.getWidth());
                requireSame(made, bundle.golden(number, "inputs").get(input), number);
                count++;
            }
        }
        return count;
    }

    private static Bitmap decode(ByteBuffer png) {
        byte[] content = new byte[png.remaining()];
        png.get(content);
        BitmapFactory.Options asItIs = new BitmapFactory.Options();
        asItIs.inScaled = false;
        return BitmapFactory.decodeByteArray(content, 0, content.length, asItIs);
    }

    private static void requireSame(Tensor made, Tensor expected, int number) throws BundleException {
        if (made.data.equals(expected.data)) return;
        int at = 0;
        while (at < made.count() - 1 && made.get(at) == expected.get(at)) at++;
        throw new BundleException(BundleException.Kind.UNSUPPORTED, "the picture of golden case " + number
                + " does not become its input: value " + at + " is " + made.get(at) + ", not " + expected.get(at));
    }
}
