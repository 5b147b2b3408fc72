package io.millrace.executor.cpu.program;

import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RelativeScores;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.scratch.RotaryTables;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import io.millrace.model.program.Relative;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.RelativeRows;
import io.millrace.model.spec.RopeSpec;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/** Rotation of heads and softmax attention over rows of projections, for every scale. */
public final class AttentionProgram {
    private final CpuWorkers workers;
    private final RotaryTables rotaryTables;
    private final Scratch scratch;
    private final Map<RelativeRows, int[]> tables = new HashMap<>();

    AttentionProgram(CpuWorkers workers, Scratch scratch) {
        this.workers = workers;
        this.rotaryTables = scratch.rotaryTables();
        this.scratch = scratch;
    }

    /** Turns the query and key heads of rows of projections in place. */
    void turn(Op.Rotate op, Sequences sequences, Variants projected, int scales) {
        turn(op, sequences, projected, scales, rotaryTables::turn);
    }

    /** Makes the gradient of what was turned that of what it was before, in place. */
    public void turnBack(Op.Rotate op, Sequences sequences, Variants gradient) {
        turn(op, sequences, gradient, 1, rotaryTables::turnGradient);
    }

    /** A turn of some tokens' heads, one way or the other. */
    private interface Turn {
        void apply(
                RopeSpec rope,
                int[] positions,
                int from,
                int to,
                Floats heads,
                long rowStride,
                long headStride,
                int headCount);
    }

    private void turn(
            Op.Rotate op, Sequences sequences, Variants projected, int scales, Turn turn) {
        HeadsSpec heads = op.heads();
        RowTasks.run(
                workers.pool(),
                Operator.ROTARY,
                scales,
                sequences.tokenCount(),
                (long) (heads.queries().count() + heads.keys().count()) * heads.dim(),
                (scale, from, to, worker) -> {
                    for (int first = from; first < to; ) {
                        int past = alike(op.rope(), sequences, first, to);
                        RopeSpec rope = op.rope().ofLength(sequences.lengthAt(first));
                        Variants one = new Variants(projected.of(scale), 0, projected.rowStride());
                        turn(turn, rope, sequences, heads.queries(), one, first, past);
                        turn(turn, rope, sequences, heads.keys(), one, first, past);
                        first = past;
                    }
                });
    }

    /** Past the last token that turns by the angles of the first: to the end of its sequence. */
    private static int alike(RopeSpec rope, Sequences sequences, int from, int to) {
        return rope.beyond().isEmpty() ? to : Math.min(to, sequences.endAt(from));
    }

    private static void turn(
            Turn turn,
            RopeSpec rope,
            Sequences sequences,
            HeadColumns heads,
            Variants projected,
            int from,
            int to) {
        for (int first = 0; first < heads.group(); first++) { // of each group
            turn.apply(
                    rope,
                    sequences.positions(),
                    from,
                    to,
                    projected.column(heads.column(first)).of(0),
                    projected.rowStride(),
                    heads.stride(),
                    heads.count() / heads.group());
        }
    }

    /**
     * Where attention finds what it reads, for every scale.
     *
     * @param projected rows of projections; those of earlier tokens lie before it
     * @param positionKeys rows for relative positions that queries are multiplied with, or null
     * @param positionQueries the same for keys, or null
     * @param context [tokens, heads · head size]; written
     */
    record Places(
            Variants projected, Variants positionKeys, Variants positionQueries, Variants context) {
        /** Those of an operator. */
        static Places of(Op.Attend op, BlockFrame frame, Variants out) {
            return new Places(
                    frame.place(op.in()),
                    op.relative().flatMap(Relative::keys).map(frame::place).orElse(null),
                    op.relative().flatMap(Relative::queries).map(frame::place).orElse(null),
                    out);
        }
    }

    /**
     * Attends with every head.
     *
     * @param weights the block's weights as the queries want them
     * @param sequences which tokens belong together
     * @param places what is read and written
     */
    void attend(FormedWeights weights, Op.Attend op, Sequences sequences, Places places) {
        HeadsSpec spec = op.attention().heads();
        Variants projected = places.projected;
        int[] distances = op.relative().map(this::distances).orElse(null);
        int heads = spec.queries().count();
        int scales = weights.scaleCount();
        Floats sinks = formSinks(weights, op.attention());
        Attention.Shape shape = shape(op.attention());
        QueryTiles queryTiles = new QueryTiles(sequences);
        int tiles = queryTiles.count();
        workers.pool()
                .parallelFor(
                        scales * heads * tiles,
                        Operator.ATTENTION,
                        (item, worker) -> {
                            int scale = item / (heads * tiles);
                            int head = item / tiles % heads;
                            int tile = item % tiles;
                            int sequence = queryTiles.sequenceOf(tile);
                            int start = sequences.starts()[sequence];
                            workers.attention(worker)
                                    .run(
                                            shape,
                                            head(projected, scale, spec.queries(), head),
                                            start,
                                            heads(projected, scale, spec.keys()),
                                            heads(projected, scale, spec.values()),
                                            (long) start - sequences.past(),
                                            rows(places.context, scale, spec.valueDim()),
                                            relative(places, distances, scale, spec.dim()),
                                            sequences.past(),
                                            sequences.length(sequence),
                                            head,
                                            tile - queryTiles.firstOf(sequence),
                                            sink(sinks, scale * heads + head));
                        });
    }

    /** What is the same for all heads. */
    public static Attention.Shape shape(AttendSpec attention) {
        HeadsSpec heads = attention.heads();
        return new Attention.Shape(
                heads.queries().count(),
                heads.keys().count(),
                heads.dim(),
                heads.valueDim(),
                attention.scale(),
                attention.softcap(),
                new Attention.Sight(window(attention.mask()), ahead(attention.mask())),
                attention.slopes());
    }

    /** The scores that have no value, [scales, heads], or null. */
    private Floats formSinks(FormedWeights weights, AttendSpec attention) {
        if (attention.sinks().isEmpty()) {
            return null;
        }
        Floats place = scratch.vector(1);
        int tensor = weights.indexOf(attention.sinks().get());
        weights.formWhole(tensor, place, attention.heads().queries().count());
        return place;
    }

    private static float sink(Floats sinks, int at) {
        return sinks == null
                ? Float.NEGATIVE_INFINITY
                : sinks.segment().getAtIndex(ValueLayout.JAVA_FLOAT, sinks.start() + at);
    }

    /** The row of a table of relative positions that each distance has, from the least on. */
    public int[] distances(Relative relative) {
        return tables.computeIfAbsent(relative.rows(), RelativeRows::table);
    }

    private static RelativeScores.Rows relative(
            Places places, int[] distances, int scale, int dim) {
        return distances == null
                ? null
                : new RelativeScores.Rows(
                        distances,
                        places.positionKeys == null ? null : rows(places.positionKeys, scale, dim),
                        places.positionQueries == null
                                ? null
                                : rows(places.positionQueries, scale, dim));
    }

    /** Positions that a query sees up to its own, 0 for all. */
    private static int window(Mask mask) {
        return switch (mask) {
            case Mask.Causal(), Mask.Full() -> 0;
            case Mask.Window(int positions) -> positions;
            case Mask.Around(int reach) -> reach + 1;
        };
    }

    /** Positions that it sees behind its own. */
    private static int ahead(Mask mask) {
        return switch (mask) {
            case Mask.Causal(), Mask.Window(_) -> 0;
            case Mask.Full() -> Integer.MAX_VALUE;
            case Mask.Around(int reach) -> reach;
        };
    }

    /** One head, whichever it is called. */
    private static HeadRows head(Variants projected, int scale, HeadColumns heads, int head) {
        return rows(projected.column(heads.column(head)), scale, 0);
    }

    private static HeadRows heads(Variants projected, int scale, HeadColumns heads) {
        return rows(projected.column(heads.start()), scale, heads.stride());
    }

    private static HeadRows rows(Variants matrix, int scale, long headStride) {
        Floats place = matrix.of(scale);
        return new HeadRows(place.segment(), place.start(), matrix.rowStride(), headStride);
    }
}
