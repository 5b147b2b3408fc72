package io.millrace.executor.cpu;

import io.millrace.executor.cpu.dense.DenseWeightPasses;
import io.millrace.executor.cpu.lowrank.LowRankMemory;
import io.millrace.executor.cpu.lowrank.LowRankWeightPasses;
import io.millrace.executor.cpu.lowrank.PairWeightPasses;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BadInputException;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.optim.mask.ElementMask;
import java.util.Optional;

/**
 * Which way a direction is run, before memory is taken for it.
 *
 * @param arithmetic what is done to the weights
 * @param size the most that any forward asks for
 */
public record PassesPlan(Arithmetic arithmetic, ScratchSize size) {
    /**
     * Checks that a model's tensors can take the direction.
     *
     * @throws BadInputException when one cannot
     */
    void check(ModelLayout layout) {
        LowRankSize.of(arithmetic, size, layout).ifPresent(LowRankSize::check);
    }

    /** Bytes that the passes will take beside the scratch memory. */
    public long bytes(ModelLayout layout) {
        return LowRankSize.of(arithmetic, size, layout).map(LowRankSize::bytes).orElse(0L);
    }

    /** The passes, with their memory. */
    public WeightPasses open(WorkerPool pool, ModelLayout layout, HostMemory memory) {
        return switch (arithmetic.direction()) {
            case DenseDirection dense -> dense(pool, dense, Optional.empty(), layout);
            case MaskedDirection masked ->
                    dense(pool, masked.dense(), Optional.of(masked.mask()), layout);
            case FactoredDirection factored -> thin(pool, factored, layout, memory);
        };
    }

    private WeightPasses thin(
            WorkerPool pool, FactoredDirection direction, ModelLayout layout, HostMemory host) {
        if (direction.lacksBase()) {
            throw new BadInputException(
                    "--perturbation",
                    "what " + direction.name() + " goes along is made for runs alone",
                    "give another");
        }
        LowRankSize needed = LowRankSize.of(arithmetic, size, layout).orElseThrow();
        LowRankMemory memory = new LowRankMemory(host, needed, arithmetic.foldEvery());
        return direction.core().gathers()
                ? new LowRankWeightPasses(
                        pool,
                        direction,
                        arithmetic.rounding(),
                        arithmetic.foldEvery(),
                        size.scalesAtOnce(),
                        memory)
                : new PairWeightPasses(
                        pool,
                        direction,
                        arithmetic.rounding(),
                        arithmetic.foldEvery(),
                        size.scalesAtOnce(),
                        memory);
    }

    private WeightPasses dense(
            WorkerPool pool,
            DenseDirection direction,
            Optional<ElementMask> mask,
            ModelLayout layout) {
        return new DenseWeightPasses(
                pool,
                () -> new ParameterPass(direction, mask, arithmetic.rounding()),
                arithmetic.shape(),
                arithmetic.foldEvery(),
                size.scalesAtOnce(),
                readsMatrices(layout));
    }

    /** Whether every query sees the matrices of a model as they are stored. */
    boolean readsMatrices(ModelLayout layout) {
        return !(arithmetic.direction() instanceof FactoredDirection)
                && layout.beside().isPresent()
                && !layout.ownsBeside();
    }
}
