package dev.edgepack.runtime;

/** A bundle, or a file of it, cannot be used; the message names it and says why. */
public final class BundleException extends Exception {
    /** What is wrong, for apps that word it in their users' language. */
    public enum Kind { MISSING, DAMAGED, UNSUPPORTED }

    public final Kind kind;

    public BundleException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }
}
