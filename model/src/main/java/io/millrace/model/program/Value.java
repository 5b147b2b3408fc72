package io.millrace.model.program;

/**
 * What one operator makes and others read: a row of numbers for each of some tokens. It lives from
 * the operator that makes it to the last that reads it.
 *
 * @param name what it is called, once in a block
 * @param width numbers of a row
 * @param rows which tokens have one
 * @param memory where it lies
 */
public record Value(String name, int width, Rows rows, Memory memory) {
    /** Which tokens have a row. */
    public enum Rows {
        /** Every token. */
        ALL,
        /** Those whose logits are wanted. */
        HEAD,
        /** None: a row for each of a table that all tokens share. */
        TABLE
    }

    /** Where a value lies. */
    public enum Memory {
        /** In the residual stream, which goes from block to block; one value at a time. */
        STREAM,
        /** After the values of the same block for earlier tokens, where those are kept. */
        KEPT,
        /** Side by side with others of the kind, until the experts of the block have come. */
        HELD,
        /** In scratch memory, while it lives. */
        STATES,
        /** In a place of its own, from the embedding to the last layer. */
        CARRIED
    }

    /** Checks the width, and that what outlives a block has every row. */
    public Value {
        boolean fits =
                switch (rows) {
                    case ALL -> memory != Memory.CARRIED;
                    case HEAD -> memory == Memory.STATES;
                    case TABLE -> memory == Memory.STATES || memory == Memory.CARRIED;
                };
        if (width < 1 || !fits) {
            throw new IllegalArgumentException(
                    name + ": " + width + " numbers in " + rows + " rows of " + memory);
        }
    }

    /** A value of the residual stream. */
    public static Value stream(String name, int width) {
        return new Value(name, width, Rows.ALL, Memory.STREAM);
    }

    /** A value that later tokens need too. */
    public static Value kept(String name, int width) {
        return new Value(name, width, Rows.ALL, Memory.KEPT);
    }

    /** A value that the block's experts need, who come after every token has it. */
    public static Value held(String name, int width) {
        return new Value(name, width, Rows.ALL, Memory.HELD);
    }

    /** What the embedding makes of a table, once for all tokens, and every layer may read. */
    public static Value carried(String name, int width) {
        return new Value(name, width, Rows.TABLE, Memory.CARRIED);
    }

    /** The same that is forgotten after its last reader. */
    public static Value ofTable(String name, int width) {
        return new Value(name, width, Rows.TABLE, Memory.STATES);
    }

    /** A value that is forgotten after its last reader. */
    public static Value states(String name, int width) {
        return new Value(name, width, Rows.ALL, Memory.STATES);
    }

    /** The same for the rows alone whose logits are wanted. */
    public static Value headStates(String name, int width) {
        return new Value(name, width, Rows.HEAD, Memory.STATES);
    }

    /** Whether another value has its rows in the same shape and the same kind of memory. */
    boolean liesAs(Value other) {
        return width == other.width && rows == other.rows && memory == other.memory;
    }

    /** Whether rows follow each other without a gap; those of all that is kept are as wide. */
    boolean isDense() {
        return memory != Memory.KEPT && memory != Memory.HELD;
    }

    /** Refuses what an operator cannot make. */
    void require(boolean fits, String what) {
        if (!fits) {
            throw new IllegalArgumentException(what + " does not fit " + this);
        }
    }
}
