package dev.edgepack.demo;

import static org.junit.Assert.assertTrue;
import static org.robolectric.shadows.ShadowLooper.idleMainLooper;

import android.app.Activity;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.os.SystemClock;
import android.view.MotionEvent;
import android.view.View;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** What the tests do with screens: wait, look, touch, and keep a picture. */
final class Screens {
    private static final long PATIENCE_SECONDS = 60;

    private Screens() {
    }

    /** Lets the UI thread work until something is so, which a thread of the app's may have to bring about. */
    static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        for (idleMainLooper(); !condition.getAsBoolean(); idleMainLooper()) {
            assertTrue(what + " does not happen", System.nanoTime() < end);
            Thread.sleep(5);
        }
    }

    /** Does what apps do off the UI thread, and waits for what comes out. */
    static <T> T inBackground(Callable<T> work) throws Exception {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try {
            return thread.submit(work).get();
        } finally {
            thread.shutdown();
        }
    }

    static String text(Activity activity, int id) {
        return ((TextView) activity.findViewById(id)).getText().toString();
    }

    /** Draws with a finger; points are x and y by turns, as shares of the view's sides. */
    static void draw(View view, float... points) {
        long start = SystemClock.uptimeMillis();
        for (int at = 0; at < points.length; at += 2) {
            touch(view, start, at == 0 ? MotionEvent.ACTION_DOWN : MotionEvent.ACTION_MOVE, points[at], points[at + 1]);
        }
        touch(view, start, MotionEvent.ACTION_UP, points[points.length - 2], points[points.length - 1]);
    }

    private static void touch(View view, long start, int action, float x, float y) {
        MotionEvent event = MotionEvent.obtain(
                start, SystemClock.uptimeMillis(), action, x * view.getWidth(), y * view.getHeight(), 0);
        assertTrue(view.dispatchTouchEvent(event));
        event.recycle();
    }

    /** Keeps what the whole screen looks like as a PNG. */
    static void keep(Activity activity, String name) throws IOException {
        View screen = activity.getWindow().getDecorView();
        Bitmap picture = Bitmap.createBitmap(screen.getWidth(), screen.getHeight(), Bitmap.Config.ARGB_8888);
        screen.draw(new Canvas(picture));
        try (FileOutputStream out = new FileOutputStream(new File(System.getProperty("edgepack.screens"), name + ".png"))) {
            assertTrue(picture.compress(Bitmap.CompressFormat.PNG, 100, out));
        }
    }
}
