package dev.edgepack.runtime;

/** A bundle, or a file of it, cannot be used; the message names it and says why. */
public final class BundleException extends Exception {
    /** What is wrong: a file is not there, is not what it should be, or is more than this app can do. */
    public enum Kind { MISSING, DAMAGED, UNSUPPORTED }

    public final Kind kind;

    public BundleException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }
}
