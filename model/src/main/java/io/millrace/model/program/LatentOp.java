package io.millrace.model.program;

import io.millrace.model.spec.LatentHeads;
import java.util.List;
import java.util.Optional;

/** Operators that only attention over a latent vector has (DeepSeek's MLA, arXiv 2405.04434). */
public sealed interface LatentOp extends Op {
    /** {@code out = in[start, start + width of out)}, of each row. */
    record Columns(int start, Value in, Value out) implements LatentOp {
        /** Checks that there are so many, in memory of their own. */
        public Columns {
            boolean within = start >= 0 && start + out.width() <= in.width();
            boolean fits = in.rows() == out.rows() && in.isDense();
            out.require(
                    within && fits && out.memory() == Value.Memory.STATES,
                    "columns of " + in.name());
        }

        @Override
        public List<Value> reads() {
            return List.of(in);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }
    }

    /**
     * Puts the heads of a token beside each other: its queries, of each head the key that was
     * expanded and behind it the part that all heads share, then the values.
     *
     * @param heads where they lie
     * @param queries as they are
     * @param expanded of each head what it alone has of a key, then its value
     * @param shared a row whose last columns are the part of the key that all heads share
     */
    record Join(LatentHeads heads, Value queries, Value expanded, Value shared, Value out)
            implements LatentOp {
        /** Checks the widths. */
        public Join {
            boolean wide =
                    queries.width() == heads.queryWidth()
                            && expanded.width() == heads.expandedWidth()
                            && shared.width() > heads.turned()
                            && out.width() == heads.rowWidth();
            boolean dense = queries.isDense() && expanded.isDense() && shared.isDense();
            boolean rows =
                    queries.rows() == out.rows()
                            && expanded.rows() == out.rows()
                            && shared.rows() == out.rows();
            out.require(
                    wide && dense && rows && out.memory() == Value.Memory.KEPT,
                    "heads over a latent vector");
        }

        @Override
        public List<Value> reads() {
            return List.of(queries, expanded, shared);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }
    }
}
