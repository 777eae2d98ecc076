package dev.edgepack.demo;

import android.app.Application;
import org.pytorch.PyTorchAndroid;

/** Keeps PyTorch to one thread: several wait for each other by spinning, for long where the machine is busy. */
public final class OneThreadedApp extends Application {
    @Override
    public void onCreate() {
        super.onCreate();
        PyTorchAndroid.setNumThreads(1);
    }
}
