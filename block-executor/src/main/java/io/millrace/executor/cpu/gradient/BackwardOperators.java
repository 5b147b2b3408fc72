package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.gradient.BackwardPlan.Part;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.program.AttentionProgram;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;

/** The way back of each kind of operator, over the memory that all of them share. */
final class BackwardOperators implements AutoCloseable {
    private final LinearBackward linear;
    private final NormBackward norms;
    private final AttentionBackward attention;
    private final LookupBackward lookup;
    private final ScoreBackward score;
    private final ElementBackward elements;
    private final BesideBackward beside;
    private final MixtureBackward mixture;
    private final ExpertBackward expert;

    /**
     * All of them.
     *
     * @param workers who compute
     * @param products with weights, on the way there
     * @param turning attention on the way there
     * @param operands that products with weights read
     * @param memory of the way back
     * @param longest tokens of the longest sequence
     */
    BackwardOperators(
            CpuWorkers workers,
            LinearProgram products,
            AttentionProgram turning,
            DType operands,
            BackwardMemory memory,
            int longest) {
        WorkerPool pool = workers.pool();
        Floats vector = memory.of(Part.VECTOR);
        Floats partials = memory.of(Part.PARTIALS);
        Floats factors = memory.of(Part.FACTORS);
        Floats thin = memory.of(Part.THIN);
        GradientProducts outer =
                new GradientProducts(
                        workers,
                        operands,
                        memory.of(Part.PANEL),
                        memory.of(Part.GIVEN),
                        memory.of(Part.SEEN));
        linear = new LinearBackward(workers, outer, factors, thin);
        norms = new NormBackward(pool, linear, vector, partials);
        Floats tiles = memory.of(Part.TILES);
        attention = new AttentionBackward(pool, turning, linear, vector, partials, tiles, longest);
        lookup = new LookupBackward(pool);
        score = new ScoreBackward(workers, products, linear, memory.of(Part.LOGITS));
        elements = new ElementBackward(pool);
        BottleneckBackward bottleneck =
                new BottleneckBackward(
                        new ThinRows(pool), outer, linear, elements, vector, factors, thin);
        beside = new BesideBackward(pool, bottleneck, vector);
        mixture = new MixtureBackward(products, linear, elements, vector);
        expert = new ExpertBackward(products, linear, elements);
    }

    LinearBackward linear() {
        return linear;
    }

    NormBackward norms() {
        return norms;
    }

    AttentionBackward attention() {
        return attention;
    }

    LookupBackward lookup() {
        return lookup;
    }

    ScoreBackward score() {
        return score;
    }

    ElementBackward elements() {
        return elements;
    }

    BesideBackward beside() {
        return beside;
    }

    MixtureBackward mixture() {
        return mixture;
    }

    ExpertBackward expert() {
        return expert;
    }

    @Override
    public void close() {
        attention.close();
    }
}
