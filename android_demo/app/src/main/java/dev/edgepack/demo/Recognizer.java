package dev.edgepack.demo;

import android.graphics.Bitmap;
import dev.edgepack.runtime.BundleException;
import dev.edgepack.runtime.BundleReader;
import dev.edgepack.runtime.ModelRunner;
import dev.edgepack.runtime.Postprocess;
import dev.edgepack.runtime.Preprocess;
import dev.edgepack.runtime.Tensor;
import java.io.Closeable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.json.JSONObject;

/** Says what a picture shows, with every format of a bundle that classifies pictures. Not for the UI thread. */
final class Recognizer implements Closeable {
    private final BundleReader bundle;
    private final String input;
    private final String output;
    private final Preprocess preprocess;
    private final Postprocess postprocess;
    private final Map<String, ModelRunner> loaded = new HashMap<>();

    /** What one artifact says. */
    static final class Answer {
        final JSONObject artifact;
        /** A probability for each class; null where the artifact could not be used. */
        final double[] values;
        final String[] labels;
        final double milliseconds;
        /** Why there is no answer; null where there is one. */
        final BundleException error;

        private Answer(
                JSONObject artifact, double[] values, String[] labels, double milliseconds, BundleException error) {
            this.artifact = artifact;
            this.values = values;
            this.labels = labels;
            this.milliseconds = milliseconds;
            this.error = error;
        }

        /** The place of the largest value, of equals the first. */
        int best() {
            int best = 0;
            for (int at = 1; at < values.length; at++) if (values[at] > values[best]) best = at;
            return best;
        }
    }

    /**
     * Takes a bundle whose model makes classes of one picture.
     *
     * @throws BundleException its manifest does not say how a picture becomes the input
     */
    Recognizer(BundleReader bundle) throws BundleException {
        this.bundle = bundle;
        input = bundle.inputs.get(0).optString("name");
        output = bundle.outputs.get(0).optString("name");
        preprocess = bundle.preprocess(input);
        postprocess = bundle.postprocess(output);
        if (bundle.inputs.size() != 1 || preprocess == null) {
            throw new BundleException(BundleException.Kind.UNSUPPORTED, bundle.name + " is not for pictures");
        }
    }

    /** Gives all precisions that any format of the bundle has. */
    List<String> precisions() {
        Set<String> names = new LinkedHashSet<>();
        for (JSONObject artifact : bundle.artifacts) names.add(artifact.optString("precision"));
        return new ArrayList<>(names);
    }

    /** Gives each format's answer, in this precision where the format has it, and in its first one elsewhere. */
    List<Answer> recognize(Bitmap picture, String precision) throws BundleException {
        Tensor tensor = preprocess.apply(pixels(picture), picture.getWidth());
        List<Answer> answers = new ArrayList<>();
        for (JSONObject artifact : chosen(precision)) answers.add(answer(artifact, tensor));
        return answers;
    }

    /** Gives a picture's pixels as preprocessing takes them. */
    static int[] pixels(Bitmap picture) {
        int width = picture.getWidth(), height = picture.getHeight();
        int[] argb = new int[width * height];
        picture.getPixels(argb, 0, width, 0, 0, width, height);
        return argb;
    }

    private List<JSONObject> chosen(String precision) {
        Map<String, JSONObject> chosen = new LinkedHashMap<>();
        for (JSONObject artifact : bundle.artifacts) {
            String format = artifact.optString("format");
            if (artifact.optString("precision").equals(precision) || !chosen.containsKey(format)) {
                chosen.put(format, artifact);
            }
        }
        return new ArrayList<>(chosen.values());
    }

    private Answer answer(JSONObject artifact, Tensor tensor) {
        try {
            Map<String, Tensor> inputs = Collections.singletonMap(input, tensor);
            ModelRunner runner = loaded.get(artifact.optString("id"));
            if (runner == null) {
                runner = ModelRunner.open(bundle, artifact);
                loaded.put(artifact.optString("id"), runner);
                // A runtime's first run makes ready what the others use; its time says nothing.
                runner.run(inputs);
            }
            long start = System.nanoTime();
            Tensor answer = runner.run(inputs).get(output);
            double milliseconds = (System.nanoTime() - start) / 1e6;
            double[] values = postprocess.values(answer);
            String[] labels = new String[values.length];
            for (int at = 0; at < labels.length; at++) labels[at] = postprocess.label(at);
            return new Answer(artifact, values, labels, milliseconds, null);
        } catch (BundleException error) {
            return new Answer(artifact, null, null, 0, error);
        }
    }

    @Override
    public void close() {
        for (ModelRunner runner : loaded.values()) runner.close();
        loaded.clear();
    }
}
