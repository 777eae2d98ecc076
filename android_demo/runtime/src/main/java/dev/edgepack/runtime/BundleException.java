package dev.edgepack.runtime;

/** A bundle, or a file of it, cannot be used; the message names it and says why. */
public final class BundleException extends Exception {
    /** What is wrong, for apps that word it in their users' language. */
    public enum Kind { MISSING, DAMAGED, UNSUPPORTED }

    public final Kind kind;

    private BundleException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /** A file that is not there, or cannot be read. */
    public static BundleException missing(String message) {
        return new BundleException(Kind.MISSING, message);
    }

    /** A file that is not what it should be. */
    public static BundleException damaged(String message) {
        return new BundleException(Kind.DAMAGED, message);
    }

    /** All is whole, but this app cannot do what is asked. */
    public static BundleException unsupported(String message) {
        return new BundleException(Kind.UNSUPPORTED, message);
    }
}
