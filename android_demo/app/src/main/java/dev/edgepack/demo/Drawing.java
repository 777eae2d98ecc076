package dev.edgepack.demo;

import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.graphics.Path;
import android.graphics.RectF;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Strokes of a pen on a square of side 1, so that they outlive a rotation of the screen. */
final class Drawing {
    /** The pen's width as a share of what is drawn with it, about that of the digits that people teach models with. */
    private static final float PEN = 1 / 7f;
    private static final int PICTURE_SIDE = 256;
    /** Each holds x and y of its points by turns. */
    private final List<float[]> strokes = new ArrayList<>();

    boolean isEmpty() {
        return strokes.isEmpty();
    }

    void clear() {
        strokes.clear();
    }

    /** Puts the pen down; a stroke that is never moved is a dot. */
    void begin(float x, float y) {
        strokes.add(new float[] {x, y});
    }

    /** Moves the pen that was put down last. */
    void move(float x, float y) {
        float[] stroke = strokes.get(strokes.size() - 1);
        float[] longer = Arrays.copyOf(stroke, stroke.length + 2);
        longer[stroke.length] = x;
        longer[stroke.length + 1] = y;
        strokes.set(strokes.size() - 1, longer);
    }

    float[][] toArrays() {
        return strokes.toArray(new float[0][]);
    }

    void restore(float[][] arrays) {
        strokes.clear();
        strokes.addAll(Arrays.asList(arrays));
    }

    /** Draws the strokes as they were made, onto a square of this many pixels. */
    void draw(Canvas canvas, int color, float side) {
        draw(canvas, color, side, PEN);
    }

    /** Gives a picture of the strokes as they were made, dark on white, with a finer pen for a small drawing. */
    Bitmap toPicture() {
        RectF box = new RectF(strokes.get(0)[0], strokes.get(0)[1], strokes.get(0)[0], strokes.get(0)[1]);
        for (float[] stroke : strokes) {
            for (int at = 0; at < stroke.length; at += 2) box.union(stroke[at], stroke[at + 1]);
        }
        Bitmap picture = Bitmap.createBitmap(PICTURE_SIDE, PICTURE_SIDE, Bitmap.Config.ARGB_8888);
        picture.eraseColor(Color.WHITE);
        // A share of the whole drawing, half a pen on either side included; a dot has to be seen as well.
        float pen = Math.max(PEN * PEN, Math.max(box.width(), box.height()) * PEN / (1 - PEN));
        draw(new Canvas(picture), Color.BLACK, PICTURE_SIDE, pen);
        return picture;
    }

    private void draw(Canvas canvas, int color, float side, float width) {
        Paint pen = new Paint(Paint.ANTI_ALIAS_FLAG);
        pen.setColor(color);
        pen.setStyle(Paint.Style.STROKE);
        pen.setStrokeWidth(width * side);
        pen.setStrokeCap(Paint.Cap.ROUND);
        pen.setStrokeJoin(Paint.Join.ROUND);
        for (float[] stroke : strokes) {
            Path path = new Path();
            path.moveTo(side * stroke[0], side * stroke[1]);
            // Skia draws nothing of a path without a segment.
            path.lineTo(side * stroke[0] + 0.01f, side * stroke[1]);
            for (int at = 2; at < stroke.length; at += 2) path.lineTo(side * stroke[at], side * stroke[at + 1]);
            canvas.drawPath(path, pen);
        }
    }
}
