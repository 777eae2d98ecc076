package dev.edgepack.demo;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.util.AttributeSet;
import android.view.View;
import java.text.NumberFormat;

/** A bar for each class, as long as the class is probable. */
public final class BarsView extends View {
    private static final float ROW_DP = 18;
    private final Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final float row = ROW_DP * getResources().getDisplayMetrics().density;
    private String[] labels = {};
    private double[] values = {};
    private int best = -1;

    public BarsView(Context context, AttributeSet attributes) {
        super(context, attributes);
        paint.setTextSize(row * 0.7f);
    }

    /** Shows these probabilities, one of them as the answer. */
    void show(String[] labels, double[] values, int best) {
        this.labels = labels;
        this.values = values;
        this.best = best;
        requestLayout();
        invalidate();
    }

    @Override
    protected void onMeasure(int width, int height) {
        setMeasuredDimension(MeasureSpec.getSize(width), (int) Math.ceil(row * labels.length));
    }

    @Override
    protected void onDraw(Canvas canvas) {
        NumberFormat percent = NumberFormat.getPercentInstance();
        float left = row, right = getWidth() - paint.measureText(percent.format(1)) - row / 4;
        for (int at = 0; at < labels.length; at++) {
            float top = at * row, baseline = top + row * 0.75f;
            paint.setColor(getContext().getColor(R.color.text));
            canvas.drawText(labels[at], 0, baseline, paint);
            canvas.drawText(percent.format(values[at]), right + row / 4, baseline, paint);
            paint.setColor(getContext().getColor(at == best ? R.color.bar_best : R.color.bar));
            float end = left + (right - left) * (float) values[at];
            canvas.drawRoundRect(left, top + row * 0.15f, end, top + row * 0.85f, row / 6, row / 6, paint);
        }
    }
}
