package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.AttentionKernels;
import io.millrace.executor.cuda.kernel.BesideKernels;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.executor.schedule.Stage;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import java.util.List;

/** Launches a block's operators, one after another, for every scale of a query in each launch. */
final class BlockLauncher {
    private static final int BIAS = 0;
    private static final int NORM_WEIGHT = 1;
    private static final int NORM_BIAS = 2;
    private static final int SECOND_BIAS = 3;

    /** A row in one piece. */
    private static final HeadColumns WHOLE = new HeadColumns(1, 0, 0);

    private final DeviceKernels kernels;
    private final AttentionKernels attention;
    private final BesideKernels beside;
    private final DeviceScratch scratch;
    private final DeviceLinear linear;
    private final ScoreKernels score;
    private final BottleneckLauncher bottleneck;

    BlockLauncher(DeviceForward.Launches launches, DeviceScratch scratch, DeviceLinear linear) {
        kernels = launches.kernels();
        attention = launches.attention();
        beside = launches.beside();
        this.scratch = scratch;
        this.linear = linear;
        bottleneck = new BottleneckLauncher(beside, launches.thin(), scratch);
        score = new ScoreKernels(kernels, scratch, linear);
    }

    /** Takes a micro-batch through a block; what is asked of no row is left out. */
    void run(LaunchFrame frame) {
        for (Stage stage : frame.way().schedule().stages()) {
            int rows = frame.rows(stage.rows());
            if (rows > 0) {
                run(stage, frame, rows);
            }
        }
    }

    private void run(Stage stage, LaunchFrame frame, int rows) {
        DeviceMatrix out = stage.makes().map(frame::place).orElse(null);
        boolean adds = stage.sum().isPresent();
        switch (stage.op()) {
            case Op.Lookup op -> lookUp(op, frame, out, rows, adds);
            case Op.Copy op -> {
                DeviceMatrix in = frame.place(op.in());
                kernels.pick(in, frame.picks(op), out, rows, op.in().width(), frame.scales());
            }
            case Op.Norm op -> {
                DeviceMatrix in = frame.place(stage.reads().getFirst());
                long picks = stage.copied().map(frame::picks).orElse(0L);
                norm(op.norm(), frame, in, picks, out, adds, rows, WHOLE);
            }
            case Op.NormHeads op -> {
                DeviceMatrix heads = out.column(op.heads().start());
                norm(op.norm(), frame, heads, 0, heads, false, rows, op.heads());
            }
            case Op.Linear op -> multiply(op, frame, out, rows, adds);
            case Op.Rotate op -> {
                long table = scratch.rotary(op.rope());
                long positions = frame.batch().indices().positions();
                kernels.rotate(op.heads(), op.rope(), out, table, positions, rows, frame.scales());
            }
            case Op.Attend op -> attend(op, frame, out);
            case Op.Activate op -> {
                long bias = deferredBias(frame, op.in(), BIAS);
                int width = op.out().width();
                kernels.activate(op.activation(), out, bias, rows, width, frame.scales());
            }
            case Op.Gate op -> gate(op, frame, out, rows);
            case Op.GateHalves op -> gateHalves(op, frame, out, rows);
            case Op.Times op ->
                    kernels.scale(op.factor(), out, rows, op.out().width(), frame.scales());
            case Op.Scale op -> {
                DeviceMatrix columns = out.column(op.column());
                long factors = frame.weights().vector(BIAS, op.tensor().name());
                beside.scale(columns, factors, rows, op.width(), frame.scales());
            }
            case Op.Virtual op -> putVirtual(op, frame, out);
            case Bottleneck op -> bottleneck.run(op, frame, out, rows, adds);
            case MixtureOp op -> throw new IllegalStateException("no plan has " + op);
            case Op.Add op -> throw new IllegalStateException("no plan has " + op);
            case Op.Score op -> score.run(op, frame, frame.place(op.in()));
        }
    }

    private void putVirtual(Op.Virtual op, LaunchFrame frame, DeviceMatrix out) {
        BatchUpload.Tables batch = frame.batch();
        long table = frame.weights().vector(BIAS, op.tensor().name());
        if (batch.past() > 0) {
            return; // theirs are kept
        }
        beside.putVirtual(
                out,
                table,
                new BesideKernels.FirstRows(batch.starts(), batch.sequences(), op.tokens()),
                op.width(),
                op.columns(),
                op.scale(),
                frame.scales());
    }

    private static void lookUp(
            Op.Lookup op, LaunchFrame frame, DeviceMatrix out, int rows, boolean adds) {
        DeviceWeights weights = frame.weights();
        long index = frame.batch().indices().of(op.index());
        weights.rows(
                weights.indexOf(op.table().name()),
                new DevicePasses.Rows(index, op.offset(), rows, op.scale(), adds),
                out);
    }

    private void norm(
            NormSpec spec,
            LaunchFrame frame,
            DeviceMatrix in,
            long picks,
            DeviceMatrix out,
            boolean adds,
            int rows,
            HeadColumns pieces) {
        long weight = frame.weights().vector(NORM_WEIGHT, spec.weight());
        long bias = frame.weights().vector(NORM_BIAS, spec.bias());
        kernels.norm(
                spec,
                in,
                picks,
                weight,
                bias,
                out,
                adds,
                rows,
                pieces.count(),
                pieces.stride(),
                frame.scales());
    }

    private void multiply(
            Op.Linear op, LaunchFrame frame, DeviceMatrix out, int rows, boolean adds) {
        DeviceWeights weights = frame.weights();
        List<LinearSpec> matrices = op.matrices();
        DeviceMatrix in = frame.place(op.in());
        if (matrices.size() == 1) {
            linear.run(weights, matrices.getFirst(), in, out, rows, adds);
        } else {
            linear.runSideBySide(weights, matrices, in, out, rows);
        }
        if (!frame.way().deferred().containsKey(op.out())) {
            addBiases(matrices, frame, out, rows);
        }
    }

    /** Adds what products left out, in one launch where each has a bias. */
    private void addBiases(List<LinearSpec> matrices, LaunchFrame frame, DeviceMatrix y, int rows) {
        DeviceWeights weights = frame.weights();
        boolean all = matrices.stream().allMatch(each -> each.bias() != null);
        int width = matrices.stream().mapToInt(LinearSpec::outputs).sum();
        int column = 0;
        for (LinearSpec each : matrices) {
            if (all) {
                long place = scratch.vector(BIAS) + (long) column * Float.BYTES;
                weights.vector(weights.indexOf(each.bias()), place, width);
            } else if (each.bias() != null) {
                long bias = weights.vector(BIAS, each.bias());
                DeviceMatrix part = y.column(column);
                kernels.activate(null, part, bias, rows, each.outputs(), frame.scales());
            }
            column += each.outputs();
        }
        if (all) {
            kernels.activate(null, y, scratch.vector(BIAS), rows, width, frame.scales());
        }
    }

    private void attend(Op.Attend op, LaunchFrame frame, DeviceMatrix out) {
        BatchUpload.Tables batch = frame.batch();
        attention.attend(
                op.attention(),
                frame.place(op.in()),
                batch.past(),
                batch.starts(),
                batch.sequences(),
                batch.longest(),
                out,
                frame.scales());
    }

    private void gate(Op.Gate op, LaunchFrame frame, DeviceMatrix gate, int rows) {
        long gateBias = deferredBias(frame, op.gate(), BIAS);
        long upBias = deferredBias(frame, op.up(), SECOND_BIAS);
        kernels.gated(
                op.activation(),
                gate,
                gateBias,
                frame.place(op.up()),
                upBias,
                rows,
                op.out().width(),
                frame.scales());
    }

    /** Gates where the halves lie, and then copies what came of it. */
    private void gateHalves(Op.GateHalves op, LaunchFrame frame, DeviceMatrix out, int rows) {
        DeviceMatrix in = frame.place(op.in());
        int width = op.out().width();
        int scales = frame.scales();
        kernels.gated(op.activation(), in, 0, in.column(width), 0, rows, width, scales);
        kernels.pick(in, 0, out, rows, width, scales);
    }

    /** The bias that the product which made a value has left to its reader; 0 without. */
    private static long deferredBias(LaunchFrame frame, Value value, int place) {
        LinearSpec product = frame.way().deferred().get(value);
        return product == null ? 0 : frame.weights().vector(place, product.bias());
    }
}
