package dev.edgepack.demo;

import android.os.Handler;
import android.os.Looper;
import android.util.Log;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/** Does work off the UI thread, one thing after the other, and hands what came out back on the UI thread. */
final class Worker {
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Handler screen = new Handler(Looper.getMainLooper());

    <T> void run(Callable<T> work, Consumer<T> done, Consumer<Throwable> failed) {
        thread.execute(() -> {
            try {
                T result = work.call();
                screen.post(() -> done.accept(result));
            } catch (Exception | LinkageError error) {
                Log.w("edgepack", error);
                screen.post(() -> failed.accept(error));
            }
        });
    }

    /** Does this last, then ends. */
    void finish(Runnable last) {
        thread.execute(last);
        thread.shutdown();
    }

    /** Hands something to the UI thread in the middle of work. */
    void show(Runnable view) {
        screen.post(view);
    }
}
