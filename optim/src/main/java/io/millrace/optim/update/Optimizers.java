package io.millrace.optim.update;

import io.millrace.optim.Registry;
import java.util.Map;
import java.util.function.DoubleFunction;

/** The update rules by name. A new one is a line here. */
public final class Optimizers {
    /** Share of the momentum that a step keeps, unless a run says otherwise. */
    public static final double DEFAULT_BETA = 0.9;

    private static final Registry<DoubleFunction<UpdateRule>> REGISTRY =
            new Registry<>(
                    "--optimizer",
                    Map.of(
                            MezoSgd.NAME, beta -> new MezoSgd(),
                            MezoAdam.NAME, beta -> new MezoAdam(),
                            LozoMomentum.NAME, LozoMomentum::new));

    private Optimizers() {}

    /**
     * A fresh rule of a name, before its first step.
     *
     * @param name the name
     * @param beta share of the momentum that a step keeps, for rules that have one
     * @throws io.millrace.memory.BadInputException when no rule has the name
     */
    public static UpdateRule named(String name, double beta) {
        return REGISTRY.named(name).apply(beta);
    }
}
