package dev.edgepack.demo;

import android.content.Context;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.text.NumberFormat;

/** One artifact's answer: what it says, how sure it is of each class, and how long it took. */
final class AnswerView extends LinearLayout {
    AnswerView(Context context, Recognizer.Answer answer) {
        super(context);
        setOrientation(VERTICAL);
        setLayoutParams(new LayoutParams(0, LayoutParams.WRAP_CONTENT, 1));
        inflate(context, R.layout.answer, this);
        String format = Formats.title(context, answer.artifact.optString("format"));
        String title = context.getString(R.string.answer_title, format, answer.artifact.optString("precision"));
        text(R.id.title, title);
        setContentDescription(title);
        if (answer.error != null) {
            text(R.id.latency, Messages.of(context, answer.error));
            return;
        }
        int best = answer.best();
        String share = NumberFormat.getPercentInstance().format(answer.values[best]);
        String latency = context.getString(R.string.milliseconds, answer.milliseconds);
        text(R.id.best, answer.labels[best]);
        text(R.id.latency, latency);
        ((BarsView) findViewById(R.id.bars)).show(answer.labels, answer.values, best);
        setContentDescription(
                context.getString(R.string.answer_spoken, title, answer.labels[best], share, latency));
    }

    private void text(int id, String text) {
        ((TextView) findViewById(id)).setText(text);
    }
}
