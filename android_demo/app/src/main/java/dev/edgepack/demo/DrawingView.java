package dev.edgepack.demo;

import android.content.Context;
import android.graphics.Canvas;
import android.util.AttributeSet;
import android.view.MotionEvent;
import android.view.View;

/** A square sheet to draw on with a finger. */
public final class DrawingView extends View {
    final Drawing drawing = new Drawing();
    private Runnable listener = () -> { };

    public DrawingView(Context context, AttributeSet attributes) {
        super(context, attributes);
    }

    /** Names who is told each time a stroke ends. */
    void setListener(Runnable listener) {
        this.listener = listener;
    }

    @Override
    protected void onMeasure(int width, int height) {
        int wide = MeasureSpec.getSize(width), tall = MeasureSpec.getSize(height);
        int side = MeasureSpec.getMode(height) == MeasureSpec.UNSPECIFIED ? wide : Math.min(wide, tall);
        setMeasuredDimension(side, side);
    }

    @Override
    protected void onDraw(Canvas canvas) {
        drawing.draw(canvas, getContext().getColor(R.color.ink), getWidth());
    }

    @Override
    public boolean onTouchEvent(MotionEvent event) {
        float x = event.getX() / getWidth(), y = event.getY() / getHeight();
        switch (event.getActionMasked()) {
            case MotionEvent.ACTION_DOWN:
                // The sheet lies in a scrolling page.
                getParent().requestDisallowInterceptTouchEvent(true);
                drawing.begin(x, y);
                break;
            case MotionEvent.ACTION_MOVE:
                // Where the finger has been since the last event, then where it is.
                for (int at = 0; at < event.getHistorySize(); at++) {
                    drawing.move(event.getHistoricalX(at) / getWidth(), event.getHistoricalY(at) / getHeight());
                }
                drawing.move(x, y);
                break;
            case MotionEvent.ACTION_UP:
                performClick();
                break;
            default:
                return super.onTouchEvent(event);
        }
        invalidate();
        return true;
    }

    @Override
    public boolean performClick() {
        super.performClick();
        listener.run();
        return true;
    }
}
