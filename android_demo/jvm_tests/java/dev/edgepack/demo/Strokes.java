package dev.edgepack.demo;

/** Digits as people write them: by stroke, x and y of its points by turns, as shares of the sheet's side. */
final class Strokes {
    static final float[][][] DIGITS = {
        {{.5f, .1f, .35f, .15f, .25f, .3f, .22f, .5f, .25f, .7f, .35f, .85f, .5f, .9f,
                .65f, .85f, .75f, .7f, .78f, .5f, .75f, .3f, .65f, .15f, .5f, .1f}},
        {{.35f, .3f, .5f, .1f, .5f, .5f, .5f, .9f}},
        {{.25f, .3f, .3f, .15f, .5f, .1f, .7f, .18f, .72f, .35f, .55f, .6f, .25f, .88f, .5f, .88f, .78f, .88f}},
        {{.28f, .15f, .5f, .1f, .7f, .18f, .7f, .35f, .5f, .47f, .7f, .55f, .75f, .72f, .6f, .88f, .4f, .9f,
                .25f, .82f}},
        {{.55f, .1f, .4f, .35f, .22f, .62f, .5f, .62f, .8f, .62f}, {.62f, .4f, .6f, .65f, .58f, .92f}},
        {{.75f, .1f, .5f, .1f, .32f, .1f, .28f, .45f, .5f, .4f, .7f, .5f, .74f, .68f, .6f, .86f, .4f, .9f,
                .25f, .84f}},
        {{.6f, .1f, .42f, .25f, .3f, .48f, .27f, .7f, .38f, .87f, .55f, .9f, .7f, .78f, .68f, .6f, .52f, .52f,
                .36f, .58f, .28f, .7f}},
        {{.25f, .1f, .5f, .1f, .75f, .1f, .65f, .4f, .52f, .65f, .45f, .9f}},
        {{.5f, .48f, .33f, .35f, .35f, .18f, .5f, .1f, .65f, .18f, .67f, .35f, .5f, .48f, .32f, .62f, .32f, .8f,
                .5f, .9f, .68f, .8f, .68f, .62f, .5f, .48f}},
        {{.7f, .35f, .6f, .48f, .42f, .48f, .32f, .35f, .38f, .18f, .55f, .1f, .7f, .2f, .72f, .4f, .68f, .65f,
                .55f, .88f, .35f, .88f}},
    };

    private Strokes() {
    }
}
