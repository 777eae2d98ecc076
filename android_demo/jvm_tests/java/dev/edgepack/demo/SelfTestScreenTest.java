package dev.edgepack.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import android.view.View;
import android.view.ViewGroup;
import android.widget.TextView;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.json.JSONException;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;

/** The self-test screen, with every file really run in the runtimes' own libraries. */
@RunWith(RobolectricTestRunner.class)
public final class SelfTestScreenTest {
    private static final int RUNS = 3;

    @Test
    public void everyFileOfTheEmbeddedBundlePasses() throws Exception {
        try (ActivityController<SelfTestActivity> screen = start(intent())) {
            SelfTestActivity activity = screen.get();
            assertAllPassed(activity);
            assertTrue(verdicts(activity).size() >= 6);
            Screens.keep(activity, "self-test");
        }
    }

    @Test
    public void inTheDarkItLooksDifferent() throws Exception {
        RuntimeEnvironment.setQualifiers("+night");
        try (ActivityController<SelfTestActivity> screen = start(intent())) {
            assertAllPassed(screen.get());
            Screens.keep(screen.get(), "self-test-dark");
        }
    }

    @Test
    public void aRotatedScreenShowsTheSameReportWithoutAnotherTest() throws Exception {
        try (ActivityController<SelfTestActivity> screen = start(intent())) {
            assertAllPassed(screen.get());
            Object report = screen.get().onRetainNonConfigurationInstance();
            RuntimeEnvironment.setQualifiers("+land");
            screen.configurationChange();
            assertSame(report, screen.get().onRetainNonConfigurationInstance());
            assertAllPassed(screen.get());
        }
    }

    @Test
    public void theReportIsSharedWhole() throws Exception {
        try (ActivityController<SelfTestActivity> screen = start(intent())) {
            assertAllPassed(screen.get());
            screen.get().findViewById(R.id.share).performClick();
            Intent chooser = Shadows.shadowOf(screen.get()).getNextStartedActivity();
            Intent shared = chooser.getParcelableExtra(Intent.EXTRA_INTENT, Intent.class);
            JSONObject report = new JSONObject(shared.getStringExtra(Intent.EXTRA_TEXT));
            assertTrue(report.getBoolean("passed"));
            keepReport("digits", report);
        }
    }

    @Test
    public void otherBundlesAreTestedAmongTheAppsFiles() throws Exception {
        List<Path> bundles;
        try (Stream<Path> found = Files.list(Paths.get(System.getProperty("edgepack.bundles")))) {
            bundles = found.filter(Files::isDirectory).sorted().toList();
        }
        assertFalse(bundles.isEmpty());
        for (Path bundle : bundles) {
            String name = bundle.getFileName().toString();
            JSONObject report = testPushed(bundle, name);
            assertTrue(name + ": " + report.toString(2), report.getBoolean("passed"));
            assertEquals(name, report.getJSONObject("bundle").getString("name"));
            assertEquals(name, name.equals("pictured") ? 2 : 0, report.getInt("pictures"));
            keepReport(name, report);
        }
    }

    @Test
    public void aBundleOfStrangersIsRefused() throws Exception {
        Intent strange = intent().putExtra("bundle", System.getProperty("edgepack.bundles") + "/sequence");
        try (ActivityController<SelfTestActivity> screen = start(strange)) {
            assertEquals(text(R.string.not_all_passed), Screens.text(screen.get(), R.id.summary));
            assertTrue(Screens.text(screen.get(), R.id.error).endsWith("/sequence is not among this app's files"));
        }
    }

    @Test
    public void aTamperedFileIsCaughtByName() throws Exception {
        File folder = push(Paths.get(System.getProperty("edgepack.bundles"), "two_headed"), "tampered");
        Path model = folder.toPath().resolve("artifacts/two_headed.float32.tflite");
        byte[] content = Files.readAllBytes(model);
        content[content.length / 2] ^= 1;
        Files.write(model, content);
        try (ActivityController<SelfTestActivity> screen = start(intent().putExtra("bundle", folder.getPath()))) {
            assertEquals(text(R.string.not_all_passed), Screens.text(screen.get(), R.id.summary));
            List<String> failed = new ArrayList<>();
            for (View row : rows(screen.get())) {
                TextView verdict = row.findViewById(R.id.verdict);
                if (verdict.getContentDescription().equals(text(R.string.passed))) continue;
                failed.add(((TextView) row.findViewById(R.id.name)).getText() + ": "
                        + ((TextView) row.findViewById(R.id.figures)).getText());
            }
            assertEquals(List.of("tflite/float32: artifacts/two_headed.float32.tflite is damaged: "
                    + "its sha256 is not the manifest's"), failed);
        }
    }

    private static Intent intent() {
        return new Intent(RuntimeEnvironment.getApplication(), SelfTestActivity.class).putExtra("runs", RUNS);
    }

    /** Opens the screen and waits for the test's end. */
    private static ActivityController<SelfTestActivity> start(Intent intent) throws InterruptedException {
        ActivityController<SelfTestActivity> screen =
                Robolectric.buildActivity(SelfTestActivity.class, intent).setup();
        View again = screen.get().findViewById(R.id.again);
        Screens.await("the self-test's end", again::isEnabled);
        return screen;
    }

    private static JSONObject testPushed(Path bundle, String name) throws Exception {
        File folder = push(bundle, name);
        Intent intent = intent().putExtra("bundle", folder.getPath()).putExtra("report", name + ".json");
        try (ActivityController<SelfTestActivity> screen = start(intent)) {
            File report = new File(RuntimeEnvironment.getApplication().getFilesDir(), "selftest/" + name + ".json");
            return new JSONObject(Files.readString(report.toPath()));
        }
    }

    /** Copies a bundle into the app's own files, as adb does. */
    private static File push(Path bundle, String name) throws IOException {
        Path target = RuntimeEnvironment.getApplication().getFilesDir().toPath().resolve("pushed").resolve(name);
        try (Stream<Path> files = Files.walk(bundle)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path copy = target.resolve(bundle.relativize(file).toString());
                if (Files.isDirectory(file)) Files.createDirectories(copy);
                else Files.copy(file, copy);
            }
        }
        return target.toFile();
    }

    private static void assertAllPassed(SelfTestActivity activity) {
        assertEquals("", Screens.text(activity, R.id.error));
        assertEquals(text(R.string.all_passed), Screens.text(activity, R.id.summary));
        for (String verdict : verdicts(activity)) assertEquals(text(R.string.passed), verdict);
    }

    private static List<String> verdicts(SelfTestActivity activity) {
        List<String> verdicts = new ArrayList<>();
        for (View row : rows(activity)) verdicts.add(row.findViewById(R.id.verdict).getContentDescription().toString());
        return verdicts;
    }

    private static List<View> rows(SelfTestActivity activity) {
        ViewGroup list = activity.findViewById(R.id.artifacts);
        List<View> rows = new ArrayList<>();
        for (int at = 0; at < list.getChildCount(); at++) rows.add(list.getChildAt(at));
        return rows;
    }

    private static String text(int id) {
        return RuntimeEnvironment.getApplication().getString(id);
    }

    private static void keepReport(String name, JSONObject report) throws IOException, JSONException {
        Path place = Paths.get(System.getProperty("edgepack.reports"), name + ".json");
        Files.write(place, report.toString(2).getBytes(StandardCharsets.UTF_8));
    }
}
