package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cpu.CpuWorkers;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.optim.DenseDirection;
import io.millrace.optim.Directions;
import io.millrace.optim.GaussianDirection;
import io.millrace.optim.Rounding;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.ResidentFeed;
import io.millrace.telemetry.SpanRecorder;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * A checkpoint that is ready to run on a device: its weights where the budgets allow, the workers,
 * and the memory that forwards need.
 */
final class ModelSession implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final ModelLayout layout;
    private final Ledger ledger;
    private final SpanRecorder spans = new SpanRecorder();
    private final CpuWorkers workers;
    private BlockFeed feed;
    private Scratch scratch;
    private RotaryTables rotaryTables;

    private ModelSession(
            Checkpoint checkpoint, ModelLayout layout, Ledger ledger, CpuWorkers workers) {
        this.checkpoint = checkpoint;
        this.layout = layout;
        this.ledger = ledger;
        this.workers = workers;
    }

    /**
     * Opens a model folder and checks it; weights are not loaded yet.
     *
     * @param folder the Hugging Face folder
     * @param dtype what to store weights in, the checkpoint's own dtypes where empty
     * @param memory where bytes may be
     */
    static ModelSession open(Path folder, Optional<DType> dtype, MemoryConfig memory) {
        requireDevice(memory.device());
        Checkpoint checkpoint = Checkpoint.open(folder);
        try {
            ModelLayout layout = dtype.map(checkpoint::layout).orElseGet(checkpoint::layout);
            return new ModelSession(
                    checkpoint,
                    layout,
                    ledger(memory),
                    new CpuWorkers(Runtime.getRuntime().availableProcessors()));
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    ModelLayout layout() {
        return layout;
    }

    Ledger ledger() {
        return ledger;
    }

    int workers() {
        return workers.pool().workers();
    }

    SpanRecorder spans() {
        return spans;
    }

    BlockFeed feed() {
        return feed;
    }

    /** Loads the weights for forwards that tune nothing. */
    DecoderForward startPlain(ScratchSize size) {
        return start(
                size, Directions.named(GaussianDirection.NAME), Rounding.NEAREST, 1, checkpoint, 0);
    }

    /**
     * Loads the weights and takes the memory that forwards need.
     *
     * @param size the most that any forward asks for
     * @param direction what weights are perturbed along
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param weights the checkpoint to load from: the base, or one that a run saved
     * @param foldedThrough the last step that those weights hold
     */
    DecoderForward start(
            ScratchSize size,
            DenseDirection direction,
            Rounding rounding,
            int foldEvery,
            Checkpoint weights,
            long foldedThrough) {
        HostMemory host = new HostMemory(ledger);
        scratch = new Scratch(host, checkpoint.spec(), size, workers.pool().workers());
        rotaryTables = new RotaryTables(host, checkpoint.spec(), size.longest());
        feed =
                new ResidentFeed(
                        layout.blocks(),
                        host,
                        (block, destination) -> weights.readBlock(layout.block(block), destination),
                        foldedThrough);
        WeightPasses passes =
                new WeightPasses(
                        workers.pool(), direction, rounding, foldEvery, size.scalesPerProbe());
        return new DecoderForward(
                checkpoint.spec(), layout, feed, scratch, rotaryTables, passes, workers, spans);
    }

    @Override
    public void close() {
        if (feed != null) {
            feed.close();
        }
        if (rotaryTables != null) {
            rotaryTables.close();
        }
        if (scratch != null) {
            scratch.close();
        }
        workers.close();
        checkpoint.close();
    }

    private static void requireDevice(String device) {
        if (!device.equals("cpu")) {
            throw new BadInputException(
                    "--device", "'" + device + "' is not a device of this build", "give cpu");
        }
    }

    private static Ledger ledger(MemoryConfig memory) {
        Map<Tier, Long> budgets = new EnumMap<>(Tier.class);
        memory.hostBudget().ifPresent(bytes -> budgets.put(Tier.HOST, bytes));
        memory.deviceBudget().ifPresent(bytes -> budgets.put(Tier.DEVICE, bytes));
        memory.nvmeBudget().ifPresent(bytes -> budgets.put(Tier.NVME, bytes));
        return new Ledger(budgets);
    }
}
