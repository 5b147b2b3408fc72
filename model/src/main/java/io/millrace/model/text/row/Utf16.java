package io.millrace.model.text.row;

/** What a Java string may hold and UTF-8 cannot: JSON's {@code \}{@code ud83d} without its pair. */
public final class Utf16 {
    /** What is the matter with such a text. */
    public static final String LONE = "holds half of a surrogate pair";

    /** What to do about it. */
    public static final String MEND = "write the whole character, as UTF-8 or as two \\u escapes";

    private Utf16() {}

    /** The index of the first surrogate without its other half, or -1. */
    public static int loneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                boolean pair =
                        Character.isHighSurrogate(c)
                                && i + 1 < text.length()
                                && Character.isLowSurrogate(text.charAt(i + 1));
                if (!pair) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }
}
