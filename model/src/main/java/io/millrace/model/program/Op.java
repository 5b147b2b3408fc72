package io.millrace.model.program;

import io.millrace.model.spec.Activation;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import io.millrace.model.spec.TableSpec;
import io.millrace.model.spec.TensorSpec;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * One operator of a block. The kinds are few, and closed: a new one is a record here, and every
 * interpreter then fails to compile until it knows it.
 */
public sealed interface Op
        permits Op.Lookup,
                Op.Copy,
                Op.Norm,
                Op.Linear,
                Op.Attend,
                Op.Gate,
                Op.GateHalves,
                Op.Add,
                Op.Score,
                Op.Changing,
                Op.Beside,
                MixtureOp,
                LatentOp {
    /** What it reads. */
    List<Value> reads();

    /** What it makes; nothing where the result goes to whoever asked for the pass. */
    Optional<Value> makes();

    /**
     * The value that it changes into its result: that takes its memory, and no later operator may
     * read it.
     */
    default Optional<Value> replaces() {
        return Optional.empty();
    }

    /** What it needs memory for while it runs, and no one else reads. */
    default List<Value> passing() {
        return List.of();
    }

    /** The products with matrices of weights that it makes. */
    default Stream<LinearSpec> products() {
        return Stream.empty();
    }

    /** What only changes its input. */
    sealed interface Changing extends Op permits NormHeads, Rotate, Activate, Times {
        /** What it changes. */
        Value in();

        /** What that becomes. */
        Value out();

        @Override
        default List<Value> reads() {
            return List.of(in());
        }

        @Override
        default Optional<Value> makes() {
            return Optional.of(out());
        }

        @Override
        default Optional<Value> replaces() {
            return Optional.of(in());
        }
    }

    /** What says which row of a table a token takes. */
    enum Index {
        /** Its id. */
        ID,
        /** Its position in its sequence. */
        POSITION,
        /**
         * Its position among those tokens of its sequence that are not the padding token, whose id
         * is one less than the offset; −1 for that one itself (RoBERTa).
         */
        TEXT_POSITION,
        /** Its segment, of which every sequence here is one: 0. */
        SEGMENT,
        /** None: every row of the table is taken, in order, once for all tokens. */
        ROW
    }

    /**
     * {@code out = scale · table[index + offset]}.
     *
     * @param index which row a token takes
     * @param table the rows
     * @param offset added to the index (2 for positions in OPT)
     * @param scale factor on what is looked up, 1 in most models
     */
    record Lookup(Index index, TableSpec table, int offset, float scale, Value out) implements Op {
        /** Checks the width, and that each token has a row. */
        public Lookup {
            Value.Rows rows = index == Index.ROW ? Value.Rows.TABLE : Value.Rows.ALL;
            boolean fits = out.width() == table.width() && out.rows() == rows;
            require(fits, "a look-up in " + table.name(), out);
        }

        @Override
        public List<Value> reads() {
            return List.of();
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }
    }

    /** {@code out = in}, in memory of its own: all rows, or those whose logits are wanted. */
    record Copy(Value in, Value out) implements Op {
        /** Checks that the rows are among those of what is copied. */
        public Copy {
            boolean among = in.rows() == Value.Rows.ALL || out.rows() == Value.Rows.HEAD;
            boolean apart = out.memory() == Value.Memory.STATES;
            require(among && apart && in.width() == out.width(), "a copy of " + in.name(), out);
        }

        /** Whether only some rows are copied. */
        public boolean picks() {
            return in.rows() != out.rows();
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

    /** Norms each row. */
    record Norm(NormSpec norm, Value in, Value out) implements Op {
        /** Checks the widths. */
        public Norm {
            boolean whole = norm.width() == in.width() && in.width() == out.width();
            require(whole && in.rows() == out.rows(), "the norm " + norm.weight(), out);
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
     * Norms some heads of each row, each by itself.
     *
     * @param apart whether each has a factor of its own, [heads, width] in all, or all have one
     */
    record NormHeads(NormSpec norm, HeadColumns heads, boolean apart, Value in, Value out)
            implements Changing {
        /** Checks that the result can take its place. */
        public NormHeads {
            boolean known = !apart || norm.bias() == null;
            require(in.liesAs(out) && known, "the norm of heads " + norm.weight(), out);
        }

        /** How many factors there are. */
        public int factors() {
            return apart ? heads.count() : 1;
        }
    }

    /**
     * {@code out = in · Wᵀ + b} for each matrix.
     *
     * @param matrices of one width of inputs; what they give lies side by side, in order
     */
    record Linear(List<LinearSpec> matrices, Value in, Value out) implements Op {
        /** Freezes the matrices, and checks the widths. */
        public Linear {
            matrices = List.copyOf(matrices);
            long outputs = matrices.stream().mapToLong(LinearSpec::outputs).sum();
            boolean fits = matrices.stream().allMatch(one -> one.inputs() == in.width());
            // No product is made in place.
            boolean apart = out.memory() == Value.Memory.STATES || out.memory() != in.memory();
            require(
                    fits && apart && outputs == out.width() && in.rows() == out.rows(),
                    "the product with " + matrices,
                    out);
        }

        /** A product with one matrix. */
        public Linear(LinearSpec matrix, Value in, Value out) {
            this(List.of(matrix), in, out);
        }

        @Override
        public Stream<LinearSpec> products() {
            return matrices.stream();
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

    /** Turns the query and key heads of each row by its position. */
    record Rotate(RopeSpec rope, HeadsSpec heads, Value in, Value out) implements Changing {
        /** Checks that the result can take its place. */
        public Rotate {
            require(in.liesAs(out) && in.rows() == Value.Rows.ALL, "a rotation", out);
        }
    }

    /**
     * Softmax attention of every query head.
     *
     * @param in rows of projections, after those of earlier tokens that are kept
     * @param relative what scores get from how far tokens are apart; empty in most models
     */
    record Attend(AttendSpec attention, Value in, Optional<Relative> relative, Value out)
            implements Op {
        /** Attention that content alone decides. */
        public Attend(AttendSpec attention, Value in, Value out) {
            this(attention, in, Optional.empty(), out);
        }

        /** Checks that earlier tokens' rows may lie before what is read. */
        public Attend {
            boolean fits = in.memory() == Value.Memory.KEPT && in.rows() == out.rows();
            require(fits && out.width() == attention.heads().contextWidth(), "attention", out);
            int queries = attention.heads().queries().count() * attention.heads().dim();
            boolean whole =
                    relative.stream()
                            .flatMap(Relative::values)
                            .allMatch(value ->
                                    value.rows() == Value.Rows.TABLE && value.width() == queries);
            require(whole, "attention with relative positions", out);
        }

        @Override
        public List<Value> reads() {
            return Stream.concat(Stream.of(in), relative.stream().flatMap(Relative::values))
                    .toList();
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }
    }

    /** {@code out = activation(in)}, number by number. */
    record Activate(Activation activation, Value in, Value out) implements Changing {
        /** Checks that the result can take its place. */
        public Activate {
            require(in.liesAs(out) && isDense(in), "an activation", out);
        }
    }

    /** {@code out = activation(gate) ⊙ up}. */
    record Gate(Activation activation, Value gate, Value up, Value out) implements Op {
        /** Checks that the result can take the gate's place. */
        public Gate {
            boolean fits = gate.liesAs(up) && !gate.equals(up) && isDense(gate);
            require(fits && gate.liesAs(out), "a gate", out);
        }

        @Override
        public List<Value> reads() {
            return List.of(gate, up);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }

        @Override
        public Optional<Value> replaces() {
            return Optional.of(gate);
        }
    }

    /** {@code out = activation(gate) ⊙ up}, where each row of what is read is a gate and its up. */
    record GateHalves(Activation activation, Value in, Value out) implements Op {
        /** Checks that the result is half as wide. */
        public GateHalves {
            boolean fits = in.width() == 2 * out.width() && in.rows() == out.rows();
            boolean apart = out.memory() == Value.Memory.STATES;
            require(fits && apart && isDense(in), "a gate of halves", out);
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

    /** {@code out = factor · in}, number by number. */
    record Times(float factor, Value in, Value out) implements Changing {
        /** Checks that the result can take its place. */
        public Times {
            require(in.liesAs(out) && isDense(in), "a scaling", out);
        }
    }

    /** {@code out = in + summand}. */
    record Add(Value in, Value summand, Value out) implements Op {
        /** Checks that the result can take its place. */
        public Add {
            boolean fits = in.width() == summand.width() && in.rows() == summand.rows();
            boolean dense = isDense(in) && isDense(summand) && !in.equals(summand);
            require(fits && dense && in.liesAs(out), "a sum", out);
        }

        @Override
        public List<Value> reads() {
            return List.of(in, summand);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }

        @Override
        public Optional<Value> replaces() {
            return Optional.of(in);
        }
    }

    /**
     * The end of a model: logits of the vocabulary, or the cross-entropy of targets.
     *
     * @param logits the output matrix [vocabulary, width], the table of ids itself when tied
     * @param softcap c in {@code c · tanh(logit / c)}, 0 for none
     */
    record Score(LinearSpec logits, float softcap, Value in) implements Op {
        /** Checks the width. */
        public Score {
            boolean fits = logits.inputs() == in.width() && in.rows() == Value.Rows.HEAD;
            require(fits, "the logits of " + logits.weight(), in);
        }

        @Override
        public Stream<LinearSpec> products() {
            return Stream.of(logits);
        }

        @Override
        public List<Value> reads() {
            return List.of(in);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.empty();
        }
    }

    /** What an adapter does between a model's own operators; no published model has it. */
    sealed interface Beside extends Op permits Scale, Virtual, Bottleneck {
        /** Its tensors, which are trained. */
        List<TensorSpec> tensors();
    }

    /**
     * {@code out = in ⊙ l} in some columns, as many as l has elements.
     *
     * @param tensor l, whatever its axes
     * @param column the first
     */
    record Scale(TensorSpec tensor, int column, Value in, Value out) implements Beside {
        /** Checks that the result can take its place. */
        public Scale {
            boolean fits = in.liesAs(out) && column + width(tensor) <= in.width();
            require(fits, "the scales " + tensor.name(), out);
        }

        @Override
        public List<TensorSpec> tensors() {
            return List.of(tensor);
        }

        /** Columns that are scaled. */
        public int width() {
            return width(tensor);
        }

        private static int width(TensorSpec tensor) {
            return Math.toIntExact(tensor.elements());
        }

        @Override
        public List<Value> reads() {
            return List.of(in);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }

        @Override
        public Optional<Value> replaces() {
            return Optional.of(in);
        }
    }

    /**
     * Puts a table's rows in the place of those that virtual tokens have: the first tokens of every
     * sequence, which are in no text.
     *
     * @param tensor the table, a row for each virtual token
     * @param columns where parts of a row lie, one after another in the table
     * @param scale factor on what is put there
     */
    record Virtual(TensorSpec tensor, HeadColumns columns, float scale, Value in, Value out)
            implements Beside {
        /** Checks that the result can take its place. */
        public Virtual {
            long width = tensor.shape().getLast();
            int last = columns.start() + (columns.count() - 1) * columns.stride();
            boolean cut = tensor.shape().size() == 2 && width % columns.count() == 0;
            boolean inside = last + width / columns.count() <= in.width();
            require(
                    in.liesAs(out) && in.rows() == Value.Rows.ALL && cut && inside,
                    "the virtual rows " + tensor.name(),
                    out);
        }

        @Override
        public List<TensorSpec> tensors() {
            return List.of(tensor);
        }

        /** Virtual tokens before each sequence. */
        public int tokens() {
            return Math.toIntExact(tensor.shape().getFirst());
        }

        /** Numbers of a row of the table. */
        public int width() {
            return Math.toIntExact(tensor.shape().getLast());
        }

        @Override
        public List<Value> reads() {
            return List.of(in);
        }

        @Override
        public Optional<Value> makes() {
            return Optional.of(out);
        }

        @Override
        public Optional<Value> replaces() {
            return Optional.of(in);
        }
    }

    private static boolean isDense(Value value) {
        return value.isDense();
    }

    private static void require(boolean fits, String what, Value value) {
        value.require(fits, what);
    }
}
