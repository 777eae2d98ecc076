package dev.edgepack.demo;

import java.util.Locale;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.Result;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs the test classes that are named, a line for each test. */
public final class TestMain extends RunListener {
    private long start;
    private boolean failed;

    public static void main(String[] names) throws ClassNotFoundException {
        Class<?>[] classes = new Class<?>[names.length];
        for (int at = 0; at < names.length; at++) classes[at] = Class.forName(names[at]);
        JUnitCore core = new JUnitCore();
        core.addListener(new TestMain());
        Result result = core.run(classes);
        for (Failure failure : result.getFailures()) System.out.printf("%n%s%n", failure.getTrimmedTrace());
        System.out.printf("%d tests, %d failed%n", result.getRunCount(), result.getFailureCount());
        // PyTorch Mobile's threads would keep the machine alive.
        System.exit(result.wasSuccessful() ? 0 : 1);
    }

    @Override
    public void testStarted(Description test) {
        start = System.nanoTime();
        failed = false;
    }

    @Override
    public void testFailure(Failure failure) {
        failed = true;
    }

    @Override
    public void testFinished(Description test) {
        String words = test.getMethodName().replaceAll("([A-Z])", " $1").toLowerCase(Locale.ROOT);
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf(Locale.ROOT, "%s: %s … %s%.1f s%n",
                test.getTestClass().getSimpleName(), words, failed ? "FAILED after " : "", seconds);
    }
}
