package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cpu.gradient.op.AttentionGradient;
import io.millrace.executor.cpu.gradient.op.ProjectedHeads;
import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RelativeScores;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.program.AttentionProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.memory.OwnedResources;
import io.millrace.model.program.Op;
import io.millrace.model.program.Relative;
import io.millrace.model.program.Value;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The way back through attention, of a sequence and a key head at a time, and through the turning
 * of queries and keys by their positions.
 */
final class AttentionBackward implements AutoCloseable {
    private final WorkerPool pool;
    private final AttentionProgram forward;
    private final LinearBackward columns;
    private final Floats vector;
    private final Floats partials;
    private final OwnedResources owned = new OwnedResources();
    private final AttentionGradient[] kernels;

    /**
     * A way back.
     *
     * @param forward the way there
     * @param columns adds up columns
     * @param vector room for a number of each head
     * @param partials room for such of each sequence
     * @param tiles room for those of every worker
     * @param longest tokens of the longest sequence
     */
    AttentionBackward(
            WorkerPool pool,
            AttentionProgram forward,
            LinearBackward columns,
            Floats vector,
            Floats partials,
            Floats tiles,
            int longest) {
        this.pool = pool;
        this.forward = forward;
        this.columns = columns;
        this.vector = vector;
        this.partials = partials;
        kernels = new AttentionGradient[pool.workers()];
        long each = AttentionGradient.tileFloats(longest) * Float.BYTES;
        for (int worker = 0; worker < kernels.length; worker++) {
            MemorySegment own = tiles.segment().asSlice(worker * each, each);
            kernels[worker] = owned.own(new AttentionGradient(longest, own));
        }
    }

    void run(Op.Rotate op, GradientFrame frame) {
        forward.turnBack(op, frame.frame().batch().sequences(), frame.gradient(op.out()));
    }

    void run(Op.Attend op, GradientFrame frame) {
        AttendSpec attention = op.attention();
        HeadsSpec heads = attention.heads();
        Attention.Shape shape = AttentionProgram.shape(attention);
        Sequences sequences = frame.frame().batch().sequences();
        Variants projected = frame.value(op.in());
        Variants gradient = frame.gradient(op.in());
        if (frame.tape().begin(op.in())) {
            throw new IllegalStateException(op.in() + " is read by others, too");
        }
        Floats context = frame.gradient(op.out()).of(0);
        HeadRows ofContext =
                new HeadRows(
                        context.segment(),
                        context.start(),
                        frame.gradient(op.out()).rowStride(),
                        heads.valueDim());
        int count = sequences.starts().length - 1;
        int kvHeads = heads.keys().count();
        Optional<String> sinks = attention.sinks();
        int queries = heads.queries().count();
        sinks.ifPresent(name -> form(frame, name, queries));
        Rows.zero(
                partials.segment(),
                partials.start(),
                sinks.isPresent() ? (long) count * queries : 0);
        AttentionGradient.Relative relative = relative(op, frame);
        Piece piece =
                (sequence, kvHead, worker) ->
                        kernels[worker].run(
                                shape,
                                heads(heads, kvHead, projected),
                                ofContext,
                                heads(heads, kvHead, gradient),
                                sinks.isEmpty()
                                        ? null
                                        : new AttentionGradient.Sinks(
                                                vector.segment(),
                                                vector.start(),
                                                partials.segment(),
                                                partials.start() + (long) sequence * queries),
                                relative,
                                sequences.starts()[sequence],
                                sequences.length(sequence),
                                kvHead);
        if (relative == null) {
            pool.parallelFor(
                    count * kvHeads,
                    Operator.ATTENTION,
                    (item, worker) -> piece.run(item / kvHeads, item % kvHeads, worker));
        } else {
            // All sequences add to the rows of a head's distances: in order, so by one worker.
            pool.parallelFor(
                    kvHeads,
                    Operator.ATTENTION,
                    (kvHead, worker) -> {
                        for (int sequence = 0; sequence < count; sequence++) {
                            piece.run(sequence, kvHead, worker);
                        }
                    });
        }
        sinks.flatMap(frame::gradient)
                .ifPresent(to ->
                        columns.addColumns(new Variants(partials, 0, queries), queries, count, to));
    }

    private interface Piece {
        void run(int sequence, int kvHead, int worker);
    }

    /**
     * The rows of distances, and their gradients, which begin at zero where nobody else reads them.
     */
    private AttentionGradient.Relative relative(Op.Attend op, GradientFrame frame) {
        if (op.relative().isEmpty()) {
            return null;
        }
        Relative relative = op.relative().get();
        int dim = op.attention().heads().dim();
        Optional<Value> keys = relative.keys();
        Optional<Value> queries = relative.queries();
        keys.ifPresent(value -> begin(value, frame));
        queries.ifPresent(value -> begin(value, frame));
        return new AttentionGradient.Relative(
                new RelativeScores.Rows(
                        forward.distances(relative),
                        rows(keys.map(frame::value), dim),
                        rows(queries.map(frame::value), dim)),
                rows(keys.map(frame::gradient), dim),
                rows(queries.map(frame::gradient), dim));
    }

    private static void begin(Value value, GradientFrame frame) {
        if (!frame.tape().begin(value)) {
            Variants gradient = frame.gradient(value);
            for (int row = 0; row < frame.rows(value); row++) {
                Floats place = gradient.of(0).at(row * gradient.rowStride());
                Rows.zero(place.segment(), place.start(), value.width());
            }
        }
    }

    private static HeadRows rows(Optional<Variants> matrix, int dim) {
        return matrix.map(
                        rows -> {
                            Floats place = rows.of(0);
                            return new HeadRows(
                                    place.segment(), place.start(), rows.rowStride(), dim);
                        })
                .orElse(null);
    }

    private void form(GradientFrame frame, String sinks, int queries) {
        frame.weights().formWhole(frame.weights().indexOf(sinks), vector, queries);
    }

    private static ProjectedHeads heads(HeadsSpec heads, int kvHead, Variants rows) {
        Floats place = rows.of(0);
        return ProjectedHeads.of(heads, kvHead, place.segment(), place.start(), rows.rowStride());
    }

    @Override
    public void close() {
        owned.close();
    }
}
