package dev.edgepack.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import android.content.res.ApkAssets;
import android.content.res.AssetManager;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;

/** The screen to draw on, with a finger that only the test can see. */
@RunWith(RobolectricTestRunner.class)
public final class DigitScreenTest {
    private static final float[] SEVEN = Strokes.DIGITS[7][0];

    @Test
    public void anEmptySheetAsksForADigit() throws Exception {
        try (ActivityController<DigitActivity> screen = open()) {
            assertEquals(text(R.string.draw_here), Screens.text(screen.get(), R.id.message));
            assertEquals(List.of(), answers(screen.get()));
            Screens.keep(screen.get(), "digit-empty");
        }
    }

    @Test
    public void bothRuntimesSeeWhatIsDrawnInEveryPrecision() throws Exception {
        try (ActivityController<DigitActivity> screen = open()) {
            Screens.draw(screen.get().findViewById(R.id.sheet), SEVEN);
            awaitAnswers(screen.get());
            Screens.keep(screen.get(), "digit");
            Spinner precisions = screen.get().findViewById(R.id.precisions);
            assertTrue(precisions.getCount() >= 5);
            for (int at = 0; at < precisions.getCount(); at++) {
                precisions.setSelection(at);
                String chosen = (String) precisions.getItemAtPosition(at);
                String title = text(R.string.answer_title, text(R.string.tflite), chosen);
                Screens.await("an answer in " + chosen, () -> titles(screen.get()).contains(title));
                assertEquals(List.of("7", "7"), answers(screen.get()));
            }
        }
    }

    @Test
    public void everyDigitIsReadFromAFingersStrokes() throws Exception {
        try (ActivityController<DigitActivity> screen = open()) {
            for (int digit = 0; digit < Strokes.DIGITS.length; digit++) {
                for (float[] stroke : Strokes.DIGITS[digit]) {
                    Screens.draw(screen.get().findViewById(R.id.sheet), stroke);
                }
                List<String> both = List.of(String.valueOf(digit), String.valueOf(digit));
                Screens.await("the recognition of a " + digit, () -> answers(screen.get()).equals(both));
                screen.get().findViewById(R.id.clear).performClick();
            }
        }
    }

    @Test
    public void aSmallDigitInACornerIsReadAsWell() throws Exception {
        try (ActivityController<DigitActivity> screen = open()) {
            for (int digit = 0; digit < Strokes.DIGITS.length; digit++) {
                for (float[] stroke : Strokes.DIGITS[digit]) {
                    float[] small = stroke.clone();
                    for (int at = 0; at < small.length; at++) small[at] = (at % 2 == 0 ? .7f : .05f) + .25f * small[at];
                    Screens.draw(screen.get().findViewById(R.id.sheet), small);
                }
                List<String> both = List.of(String.valueOf(digit), String.valueOf(digit));
                Screens.await("the recognition of a small " + digit, () -> answers(screen.get()).equals(both));
                screen.get().findViewById(R.id.clear).performClick();
            }
        }
    }

    @Test
    public void aClearedSheetIsEmpty() throws Exception {
        try (ActivityController<DigitActivity> screen = open()) {
            Screens.draw(screen.get().findViewById(R.id.sheet), SEVEN);
            awaitAnswers(screen.get());
            screen.get().findViewById(R.id.clear).performClick();
            Screens.await("the sheet's clearing", () -> answers(screen.get()).isEmpty());
            assertEquals(text(R.string.draw_here), Screens.text(screen.get(), R.id.message));
            assertEquals(View.VISIBLE, screen.get().findViewById(R.id.message).getVisibility());
        }
    }

    @Test
    public void whatIsDrawnOutlivesARotation() throws Exception {
        try (ActivityController<DigitActivity> screen = open()) {
            Screens.draw(screen.get().findViewById(R.id.sheet), SEVEN);
            awaitAnswers(screen.get());
            ((Spinner) screen.get().findViewById(R.id.precisions)).setSelection(1);
            RuntimeEnvironment.setQualifiers("+land");
            screen.recreate();
            awaitAnswers(screen.get());
            assertEquals(List.of("7", "7"), answers(screen.get()));
            assertEquals(1, ((Spinner) screen.get().findViewById(R.id.precisions)).getSelectedItemPosition());
            Screens.keep(screen.get(), "digit-landscape");
        }
    }

    @Test
    public void itIsReadableInTheDarkAndInChinese() throws Exception {
        RuntimeEnvironment.setQualifiers("+zh-rCN-night");
        try (ActivityController<DigitActivity> screen = open()) {
            Screens.draw(screen.get().findViewById(R.id.sheet), SEVEN);
            awaitAnswers(screen.get());
            assertEquals("清除", Screens.text(screen.get(), R.id.clear));
            Screens.keep(screen.get(), "digit-dark");
        }
    }

    @Test
    public void aDamagedModelIsNamedAndNotUsed() throws Exception {
        try (ActivityController<DigitActivity> screen = buildIn("edgepack.damaged_app").setup()) {
            Screens.draw(screen.get().findViewById(R.id.sheet), SEVEN);
            awaitAnswers(screen.get());
            assertEquals(List.of("", ""), answers(screen.get()));
            String damage = text(R.string.error_damaged,
                    "artifacts/digits.float32.tflite is damaged: its sha256 is not the manifest's");
            assertEquals(damage, ((TextView) views(screen.get()).get(1).findViewById(R.id.latency)).getText());
        }
    }

    /** PyTorch reads a copy anyway; TensorFlow Lite maps the file. */
    @Test
    public void anAppThatCompressesModelsIsToldToStop() throws Exception {
        try (ActivityController<DigitActivity> screen = buildIn("edgepack.compressed_app").setup()) {
            Screens.draw(screen.get().findViewById(R.id.sheet), SEVEN);
            awaitAnswers(screen.get());
            assertEquals(List.of("7", ""), answers(screen.get()));
            String reason = text(R.string.error_unsupported,
                    "tflite/float32 does not load: it is compressed in the app, which needs noCompress");
            assertEquals(reason, ((TextView) views(screen.get()).get(1).findViewById(R.id.latency)).getText());
        }
    }

    @Test
    public void theUiThreadIsKeptFreeOfReading() {
        IllegalStateException refusal = assertThrows(
                IllegalStateException.class, () -> Bundles.embedded(RuntimeEnvironment.getApplication()));
        assertEquals("read bundles off the UI thread", refusal.getMessage());
    }

    @Test
    public void anAppWithoutABundleSaysSo() throws Exception {
        try (ActivityController<DigitActivity> screen = buildIn("edgepack.empty_app").setup()) {
            String message = text(R.string.error_missing, "assets/edgepack");
            Screens.await("a message", () -> Screens.text(screen.get(), R.id.message).equals(message));
            Screens.draw(screen.get().findViewById(R.id.sheet), SEVEN);
            assertEquals(message, Screens.text(screen.get(), R.id.message));
        }
    }

    @Test
    public void theMenuLeadsToTheSelfTest() throws Exception {
        try (ActivityController<DigitActivity> screen = open()) {
            Shadows.shadowOf(screen.get()).clickMenuItem(R.id.self_test);
            assertEquals(SelfTestActivity.class.getName(),
                    Shadows.shadowOf(screen.get()).getNextStartedActivity().getComponent().getClassName());
        }
    }

    /** Opens the screen and waits until it takes drawings. */
    private static ActivityController<DigitActivity> open() throws InterruptedException {
        ActivityController<DigitActivity> screen = Robolectric.buildActivity(DigitActivity.class).setup();
        Spinner precisions = screen.get().findViewById(R.id.precisions);
        Screens.await("a bundle", () -> precisions.getCount() > 0);
        return screen;
    }

    /** Gives the screen the assets of another APK, before it looks at them. */
    private static ActivityController<DigitActivity> buildIn(String app) throws IOException {
        ActivityController<DigitActivity> screen = Robolectric.buildActivity(DigitActivity.class);
        AssetManager assets = screen.get().getAssets();
        // The first is Android's own.
        ApkAssets[] loaded = assets.getApkAssets();
        assertEquals(2, loaded.length);
        loaded[1] = ApkAssets.loadFromPath(System.getProperty(app));
        assets.setApkAssets(loaded, true);
        return screen;
    }

    private static void awaitAnswers(DigitActivity activity) throws InterruptedException {
        Screens.await("an answer", () -> views(activity).size() == 2);
    }

    private static List<String> answers(DigitActivity activity) {
        return texts(activity, R.id.best);
    }

    private static List<String> titles(DigitActivity activity) {
        return texts(activity, R.id.title);
    }

    private static List<String> texts(DigitActivity activity, int id) {
        List<String> texts = new ArrayList<>();
        for (View view : views(activity)) texts.add(((TextView) view.findViewById(id)).getText().toString());
        return texts;
    }

    private static List<View> views(DigitActivity activity) {
        ViewGroup list = activity.findViewById(R.id.answers);
        List<View> views = new ArrayList<>();
        for (int at = 0; at < list.getChildCount(); at++) views.add(list.getChildAt(at));
        return views;
    }

    private static String text(int id, Object... values) {
        return RuntimeEnvironment.getApplication().getString(id, values);
    }
}
