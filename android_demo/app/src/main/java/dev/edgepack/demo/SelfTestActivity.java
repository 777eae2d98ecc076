package dev.edgepack.demo;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.view.View;
import android.widget.LinearLayout;
import android.widget.ProgressBar;
import android.widget.TextView;
import dev.edgepack.runtime.BundleReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Shows whether every artifact computes on this very device what the model computes; see docs/selftest.md. */
public final class SelfTestActivity extends Activity {
    private static final String BUNDLE = "bundle";
    private static final String REPORT = "report";
    private static final String RUNS = "runs";
    private static final int DEFAULT_RUNS = 20;
    private final Worker worker = new Worker();
    private JSONObject report;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.self_test);
        getActionBar().setDisplayHomeAsUpEnabled(true);
        findViewById(R.id.again).setOnClickListener(view -> start());
        findViewById(R.id.share).setOnClickListener(view -> share());
        report = (JSONObject) getLastNonConfigurationInstance();
        if (report == null) start();
        else show(report);
    }

    private void start() {
        busy(true);
        String path = getIntent().getStringExtra(BUNDLE);
        String name = getIntent().getStringExtra(REPORT);
        int runs = Math.max(1, getIntent().getIntExtra(RUNS, DEFAULT_RUNS));
        SelfTest test = new SelfTest(this, runs, id -> worker.show(() -> summary(getString(R.string.testing, id))));
        SelfTest.Opener opener = () -> path == null ? Bundles.embedded(this) : Bundles.pushed(this, path);
        worker.run(() -> {
            JSONObject made = test.run(opener);
            if (name != null) write(made, name);
            return made;
        }, this::show, this::fail);
    }

    /** Writes the report beside its final place first, so that whoever waits for it never reads half of it. */
    private void write(JSONObject report, String name) throws IOException, JSONException {
        File folder = new File(getFilesDir(), "selftest");
        File place = new File(folder, new File(name).getName());
        File work = new File(folder, place.getName() + ".part");
        if (!folder.isDirectory() && !folder.mkdirs()) throw new IOException("cannot make " + folder);
        try (FileOutputStream out = new FileOutputStream(work)) {
            out.write(report.toString(2).getBytes(StandardCharsets.UTF_8));
        }
        if (!work.renameTo(place)) throw new IOException("cannot write " + place);
    }

    private void show(JSONObject made) {
        report = made;
        busy(false);
        summary(getString(made.optBoolean("passed") ? R.string.all_passed : R.string.not_all_passed));
        text(R.id.device, describeDevice(made));
        text(R.id.error, made.isNull("error") ? "" : made.optString("error"));
        LinearLayout list = findViewById(R.id.artifacts);
        list.removeAllViews();
        JSONArray artifacts = made.optJSONArray("artifacts");
        for (int at = 0; at < artifacts.length(); at++) list.addView(describe(artifacts.optJSONObject(at)));
    }

    private View describe(JSONObject artifact) {
        boolean passed = artifact.optBoolean("passed");
        View row = getLayoutInflater().inflate(R.layout.artifact, findViewById(R.id.artifacts), false);
        TextView verdict = row.findViewById(R.id.verdict);
        verdict.setText(passed ? R.string.passed_mark : R.string.failed_mark);
        verdict.setTextColor(getColor(passed ? R.color.passed : R.color.failed));
        verdict.setContentDescription(getString(passed ? R.string.passed : R.string.failed));
        ((TextView) row.findViewById(R.id.name)).setText(artifact.optString("id"));
        ((TextView) row.findViewById(R.id.figures)).setText(figures(artifact));
        return row;
    }

    private String figures(JSONObject artifact) {
        if (!artifact.isNull("error")) return artifact.optString("error");
        JSONObject latency = artifact.optJSONObject("latency_ms");
        return getString(R.string.figures, largestError(artifact), latency.optDouble("median"),
                latency.optDouble("p90"), artifact.optDouble("load_ms"), report.optInt("runs"));
    }

    private static double largestError(JSONObject artifact) {
        double largest = 0;
        JSONArray cases = artifact.optJSONArray("cases");
        for (int at = 0; at < cases.length(); at++) {
            JSONArray outputs = cases.optJSONObject(at).optJSONArray("outputs");
            for (int output = 0; output < outputs.length(); output++) {
                // The report has null where an output could not be compared.
                double error = outputs.optJSONObject(output).optDouble("max_error", Double.POSITIVE_INFINITY);
                largest = Math.max(largest, error);
            }
        }
        return largest;
    }

    private String describeDevice(JSONObject made) {
        JSONObject device = made.optJSONObject("device"), runtimes = made.optJSONObject("runtimes");
        String features = device.optJSONArray("cpu_features").toString().replaceAll("[\\[\\]\"]", "").replace(",", " ");
        return getString(R.string.device, device.optString("manufacturer"), device.optString("model"),
                device.optString("android"), device.optInt("sdk"), device.optString("abi"),
                runtimes.optString("torch_lite"), runtimes.optString("tflite"), features);
    }

    private void fail(Throwable error) {
        busy(false);
        summary(getString(R.string.not_all_passed));
        text(R.id.error, Messages.of(this, error));
    }

    private void busy(boolean busy) {
        ProgressBar bar = findViewById(R.id.progress);
        bar.setVisibility(busy ? View.VISIBLE : View.INVISIBLE);
        findViewById(R.id.again).setEnabled(!busy);
        findViewById(R.id.share).setEnabled(!busy && report != null);
    }

    private void summary(String words) {
        text(R.id.summary, words);
    }

    private void text(int id, String words) {
        ((TextView) findViewById(id)).setText(words);
    }

    private void share() {
        Intent sent = new Intent(Intent.ACTION_SEND).setType("text/plain");
        sent.putExtra(Intent.EXTRA_SUBJECT, getString(R.string.self_test));
        sent.putExtra(Intent.EXTRA_TEXT, report.toString());
        startActivity(Intent.createChooser(sent, getString(R.string.share)));
    }

    /** Whatever changes about the screen, a report stays there; a rotation does not even end a running test. */
    @Override
    public Object onRetainNonConfigurationInstance() {
        return report;
    }

    @Override
    protected void onDestroy() {
        worker.finish(() -> { });
        super.onDestroy();
    }
}
