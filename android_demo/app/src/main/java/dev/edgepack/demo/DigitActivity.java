package dev.edgepack.demo;

import android.app.Activity;
import android.content.Intent;
import android.graphics.Bitmap;
import android.os.Bundle;
import android.view.Menu;
import android.view.MenuItem;
import android.view.View;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.LinearLayout;
import android.widget.Spinner;
import android.widget.TextView;
import java.util.List;

/** Draw a digit, and see what each format of the bundle makes of it. */
public final class DigitActivity extends Activity implements AdapterView.OnItemSelectedListener {
    private static final String DRAWING = "drawing";
    private static final String PRECISION = "precision";
    private final Worker worker = new Worker();
    private Recognizer recognizer;
    private DrawingView sheet;
    private Spinner precisions;
    private TextView message;
    private LinearLayout answers;
    private int chosen;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.digit);
        sheet = findViewById(R.id.sheet);
        precisions = findViewById(R.id.precisions);
        message = findViewById(R.id.message);
        answers = findViewById(R.id.answers);
        sheet.setListener(this::recognize);
        findViewById(R.id.clear).setOnClickListener(view -> clear());
        if (state != null) {
            sheet.drawing.restore((float[][]) state.getSerializable(DRAWING));
            chosen = state.getInt(PRECISION);
        }
        worker.run(() -> new Recognizer(Bundles.embedded(this)), this::ready, this::fail);
    }

    private void ready(Recognizer recognizer) {
        this.recognizer = recognizer;
        ArrayAdapter<String> names =
                new ArrayAdapter<>(this, android.R.layout.simple_spinner_item, recognizer.precisions());
        names.setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item);
        precisions.setAdapter(names);
        precisions.setSelection(Math.min(chosen, names.getCount() - 1));
        precisions.setOnItemSelectedListener(this);
        recognize();
    }

    /** Asks for answers; those to an older drawing come before, since the worker keeps the order. */
    private void recognize() {
        if (recognizer == null) return;
        if (sheet.drawing.isEmpty()) {
            say(getString(R.string.draw_here));
            return;
        }
        String precision = (String) precisions.getSelectedItem();
        Bitmap picture = sheet.drawing.toPicture();
        worker.run(() -> recognizer.recognize(picture, precision), this::show, this::fail);
    }

    private void show(List<Recognizer.Answer> given) {
        // The sheet may have been cleared meanwhile.
        if (sheet.drawing.isEmpty()) return;
        message.setVisibility(View.GONE);
        answers.removeAllViews();
        for (Recognizer.Answer answer : given) answers.addView(new AnswerView(this, answer));
    }

    private void clear() {
        sheet.drawing.clear();
        sheet.invalidate();
        recognize();
    }

    private void fail(Throwable error) {
        say(Messages.of(this, error));
    }

    private void say(String text) {
        answers.removeAllViews();
        message.setText(text);
        message.setVisibility(View.VISIBLE);
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putSerializable(DRAWING, sheet.drawing.toArrays());
        state.putInt(PRECISION, recognizer == null ? chosen : precisions.getSelectedItemPosition());
    }

    @Override
    protected void onDestroy() {
        worker.finish(() -> {
            if (recognizer != null) recognizer.close();
        });
        super.onDestroy();
    }

    @Override
    public void onItemSelected(AdapterView<?> parent, View view, int position, long id) {
        recognize();
    }

    @Override
    public void onNothingSelected(AdapterView<?> parent) {
        recognize();
    }

    @Override
    public boolean onCreateOptionsMenu(Menu menu) {
        getMenuInflater().inflate(R.menu.digit, menu);
        return true;
    }

    @Override
    public boolean onOptionsItemSelected(MenuItem item) {
        if (item.getItemId() != R.id.self_test) return super.onOptionsItemSelected(item);
        startActivity(new Intent(this, SelfTestActivity.class));
        return true;
    }
}
