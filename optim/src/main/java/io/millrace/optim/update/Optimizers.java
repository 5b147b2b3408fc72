package io.millrace.optim.update;

import io.millrace.optim.Registry;
import java.util.Collection;
import java.util.List;

/** The update rules by name. A new one is a line here. */
public final class Optimizers {
    /** Share of the momentum that a step keeps, unless a run says otherwise. */
    public static final double DEFAULT_BETA = 0.9;

    private static final Registry<UpdateRuleKind> REGISTRY =
            Registry.of(
                    "--optimizer",
                    List.of(
                            UpdateRuleKind.of(MezoSgd.NAME, _ -> new MezoSgd()),
                            UpdateRuleKind.of(MezoAdam.NAME, _ -> new MezoAdam()),
                            UpdateRuleKind.of(LozoMomentum.NAME, LozoMomentum::new)),
                    UpdateRuleKind.class,
                    UpdateRuleKind::name);

    private Optimizers() {}

    /** All of them, those of other jars too. */
    static Collection<UpdateRuleKind> kinds() {
        return REGISTRY.all();
    }

    /**
     * A fresh rule of a name, before its first step.
     *
     * @param name the name
     * @param beta share of the momentum that a step keeps, for rules that have one
     * @throws io.millrace.memory.BadInputException when no rule has the name
     */
    public static UpdateRule named(String name, double beta) {
        return REGISTRY.named(name).make(beta);
    }
}
