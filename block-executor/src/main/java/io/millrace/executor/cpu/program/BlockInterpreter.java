package io.millrace.executor.cpu.program;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.KeptRows;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.schedule.Stage;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.memory.nvme.RowSource;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LinearSpec;
import java.util.BitSet;
import java.util.Optional;

/** Runs a block's operators on the workers, one after another, for every scale of a query. */
public final class BlockInterpreter {
    private final WorkerPool pool;
    private final LinearProgram linear;
    private final Normalizer normalizer;
    private final AttentionProgram attention;
    private final LookupProgram lookup;
    private final ScoreProgram score;
    private final BesideProgram beside;
    private final MixtureProgram mixture;
    private final LatentProgram latent;

    /**
     * An interpreter.
     *
     * @param workers who compute
     * @param scratch where operators form vectors and panels
     * @param linear products with weights
     * @param rows of the table that no block has, where there is one
     * @param kept those of them that were looked up lately, where a run trains that table
     */
    public BlockInterpreter(
            CpuWorkers workers,
            Scratch scratch,
            LinearProgram linear,
            Optional<RowSource> rows,
            Optional<KeptRows> kept) {
        this.linear = linear;
        pool = workers.pool();
        normalizer = new Normalizer(pool, scratch);
        attention = new AttentionProgram(workers, scratch);
        lookup = new LookupProgram(pool, scratch, rows, kept);
        score = new ScoreProgram(workers, scratch, linear);
        beside = new BesideProgram(pool, scratch);
        mixture = new MixtureProgram(pool, linear, scratch);
        latent = new LatentProgram(pool);
    }

    /** What turns and attends. */
    public AttentionProgram attention() {
        return attention;
    }

    /**
     * Takes a micro-batch through a block; what is asked of no row is left out.
     *
     * @param routed runs as soon as it is known which experts its rows choose
     */
    public void run(Schedule schedule, BlockFrame frame, Runnable routed) {
        for (Stage stage : schedule.stages()) {
            int rows = frame.rows(stage.rows());
            if (rows > 0) {
                run(stage, frame, rows);
            }
            if (stage.op() instanceof MixtureOp.Route) {
                routed.run();
            }
        }
    }

    /** Which experts of a layer its rows chose, added to those of others. */
    public void addChosen(MixtureOp.Experts experts, BlockFrame frame, BitSet chosen) {
        mixture.addChosen(experts, frame, chosen);
    }

    /** Takes a micro-batch through one expert of a layer. */
    public void runExpert(MixtureOp.Experts experts, int expert, BlockFrame frame) {
        mixture.runExpert(experts, expert, frame);
    }

    /** Runs one of a block's operators for so many rows of a micro-batch. */
    public void run(Stage stage, BlockFrame frame, int rows) {
        FormedWeights weights = frame.weights();
        Variants out = stage.makes().map(frame::place).orElse(null);
        boolean adds = stage.sum().isPresent();
        switch (stage.op()) {
            case Op.Lookup op -> lookup.run(weights, op, frame.batch(), out, adds, rows);
            case Op.Copy op -> copy(op, frame, out, rows);
            case Op.Norm op -> normalizer.run(weights, op.norm(), frame.place(op.in()), out, rows);
            case Op.NormHeads op ->
                    normalizer.runHeads(weights, op, out.column(op.heads().start()), rows);
            case Op.Linear op -> multiply(op, frame, out, rows, adds);
            case Op.Rotate op -> attention.turn(op, frame.batch().sequences(), out, frame.scales());
            case Op.Attend op ->
                    attention.attend(
                            weights,
                            op,
                            frame.batch().sequences(),
                            AttentionProgram.Places.of(op, frame, out));
            case Op.Activate op -> activate(op.activation(), out, op.out(), frame, rows);
            case Op.Gate op -> gate(op, frame, out, rows);
            case Op.GateHalves op -> gateHalves(op, frame, out, rows);
            case Op.Times op -> scale(op, frame, out, rows);
            case Op.Add op -> add(frame.place(op.summand()), out, op.out(), frame, rows);
            case Op.Beside op -> beside.run(op, frame, out, rows);
            case MixtureOp op -> mixture.run(op, frame, out, rows);
            case LatentOp op -> latent.run(op, frame, out, rows);
            case Op.Score op -> score.scoring(op, frame).run();
        }
    }

    /** Rows one after another, so that all further work is on them alone. */
    private void copy(Op.Copy op, BlockFrame frame, Variants out, int rows) {
        int width = op.in().width();
        Variants in = frame.place(op.in());
        int[] picked = op.picks() ? frame.batch().headRows() : null;
        RowTasks.run(
                pool,
                Operator.EMBEDDING,
                frame.scales(),
                rows,
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        long source = picked == null ? row : picked[row];
                        Floats old = in.of(scale).at(source * in.rowStride());
                        Floats copy = out.of(scale).at((long) row * width);
                        Rows.copy(old.segment(), old.start(), copy.segment(), copy.start(), width);
                    }
                });
    }

    private void multiply(Op.Linear op, BlockFrame frame, Variants out, int rows, boolean adds) {
        Variants in = frame.place(op.in());
        frame.answer().sink().entering(op.matrices(), in, rows);
        int column = 0;
        for (LinearSpec matrix : op.matrices()) {
            linear.run(frame.weights(), matrix, in, out.column(column), rows, adds);
            column += matrix.outputs();
        }
    }

    /**
     * The product of a stage with one of its operator's matrices, to be made with those of others.
     */
    public LinearProgram.Product product(Stage stage, Op.Linear op, int which, BlockFrame frame) {
        Variants out = frame.place(stage.makes().orElseThrow());
        int column = 0;
        for (LinearSpec before : op.matrices().subList(0, which)) {
            column += before.outputs();
        }
        return linear.product(
                frame.weights(),
                op.matrices().get(which),
                frame.place(op.in()),
                out.column(column),
                frame.rows(stage.rows()),
                stage.sum().isPresent());
    }

    /** What a stage that scores does, to be done with others. */
    public ScoreProgram.Scoring scoring(Op.Score op, BlockFrame frame) {
        return score.scoring(op, frame);
    }

    private void activate(
            Activation activation, Variants states, Value value, BlockFrame frame, int rows) {
        eachRows(
                value,
                frame,
                rows,
                (scale, from, count) -> {
                    Floats place = states.of(scale).at(from * states.rowStride());
                    Activations.apply(
                            activation,
                            place.segment(),
                            place.start(),
                            place.segment(),
                            place.start(),
                            count);
                });
    }

    private void gate(Op.Gate op, BlockFrame frame, Variants gate, int rows) {
        Variants up = frame.place(op.up());
        eachRows(
                op.out(),
                frame,
                rows,
                (scale, from, count) -> {
                    Floats gates = gate.of(scale).at(from * gate.rowStride());
                    Floats ups = up.of(scale).at(from * up.rowStride());
                    Activations.gated(
                            op.activation(),
                            gates.segment(),
                            gates.start(),
                            ups.segment(),
                            ups.start(),
                            gates.segment(),
                            gates.start(),
                            count);
                });
    }

    private void gateHalves(Op.GateHalves op, BlockFrame frame, Variants out, int rows) {
        Variants in = frame.place(op.in());
        int width = op.out().width();
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                frame.scales(),
                rows,
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        Floats gate = in.of(scale).at(row * in.rowStride());
                        Floats result = out.of(scale).at(row * out.rowStride());
                        Activations.gated(
                                op.activation(),
                                gate.segment(),
                                gate.start(),
                                gate.segment(),
                                gate.start() + width,
                                result.segment(),
                                result.start(),
                                width);
                    }
                });
    }

    private void scale(Op.Times op, BlockFrame frame, Variants states, int rows) {
        eachRows(
                op.out(),
                frame,
                rows,
                (scale, from, count) -> {
                    Floats place = states.of(scale).at(from * states.rowStride());
                    Rows.scale(op.factor(), place.segment(), place.start(), count);
                });
    }

    private void add(Variants summand, Variants sum, Value value, BlockFrame frame, int rows) {
        eachRows(
                value,
                frame,
                rows,
                (scale, from, count) -> {
                    Floats in = summand.of(scale).at(from * summand.rowStride());
                    Floats out = sum.of(scale).at(from * sum.rowStride());
                    Rows.add(in.segment(), in.start(), out.segment(), out.start(), count);
                });
    }

    private interface Numbers {
        /** Works on the numbers of some rows that lie without a gap. */
        void run(int scale, long from, long count);
    }

    private void eachRows(Value value, BlockFrame frame, int rows, Numbers work) {
        int width = value.width();
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                frame.scales(),
                rows,
                width,
                (scale, from, to, worker) -> work.run(scale, from, (long) (to - from) * width));
    }
}
