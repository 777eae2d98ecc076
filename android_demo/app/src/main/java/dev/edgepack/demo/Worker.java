package dev.edgepack.demo;

import android.os.Handler;
import android.os.Looper;
import android.util.Log;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/** Does an activity's work off the UI thread, one thing after the other, and hands back there what came out. */
final class Worker {
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final Handler screen = new Handler(Looper.getMainLooper());
    private volatile boolean finished;

    <T> void run(Callable<T> work, Consumer<T> done, Consumer<Throwable> failed) {
        thread.execute(() -> {
            try {
                T result = work.call();
                show(() -> done.accept(result));
            } catch (Exception | LinkageError error) {
                Log.w("edgepack", error);
                show(() -> failed.accept(error));
            }
        });
    }

    /** Does something on the UI thread, unless the activity has gone meanwhile. */
    void show(Runnable view) {
        screen.post(() -> {
            if (!finished) view.run();
        });
    }

    /** Does this after all other work, then ends; nothing is handed back any more. */
    void finish(Runnable last) {
        finished = true;
        thread.execute(last);
        thread.shutdown();
    }
}
