package io.millrace.memory.slice;

/**
 * The word of a place, which says all about it at once, so that one comparison decides who holds
 * it:
 *
 * <pre>
 *   63 ... 38   37 ... 22   21 ... 6    5 ... 2   1 0
 *   ticket      takers      holders     reader    stage
 * </pre>
 *
 * The ticket counts claims, so that a word never comes back while somebody compares with it.
 */
final class SliceWord {
    static final int MOST_MEMBERS = 16;

    static final int FREE = 0;

    /** Whoever claimed it writes down its name. */
    static final int NAMING = 1;

    static final int COMING = 2;
    static final int HERE = 3;

    private static final long STAGE = 3;
    private static final int READER_AT = 2;
    private static final long READER = 15;
    private static final int HOLDERS_AT = 6;
    private static final int TAKERS_AT = 22;
    private static final long MEMBERS = 0xffff;
    private static final int TICKET_AT = 38;

    private SliceWord() {}

    static int stage(long word) {
        return (int) (word & STAGE);
    }

    static int reader(long word) {
        return (int) ((word >>> READER_AT) & READER);
    }

    /** A bit for each member that copies it or waits for it. */
    static long holders(long word) {
        return (word >>> HOLDERS_AT) & MEMBERS;
    }

    /** A bit for each member that has had it. */
    static long takers(long word) {
        return (word >>> TAKERS_AT) & MEMBERS;
    }

    static long ticket(long word) {
        return word >>> TICKET_AT;
    }

    /** As a member claims it. */
    static long claimed(long word, int member) {
        return free(word + (1L << TICKET_AT))
                | (1L << (HOLDERS_AT + member))
                | ((long) member << READER_AT)
                | NAMING;
    }

    static long at(long word, int stage) {
        return (word & ~STAGE) | stage;
    }

    /** As its reader gives it up. */
    static long free(long word) {
        return word >>> TICKET_AT << TICKET_AT;
    }

    static long held(long word, int member) {
        return word | (1L << (HOLDERS_AT + member));
    }

    static long taken(long word, int member) {
        return (word & ~(1L << (HOLDERS_AT + member))) | (1L << (TAKERS_AT + member));
    }
}
