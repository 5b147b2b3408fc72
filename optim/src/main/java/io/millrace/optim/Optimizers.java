package io.millrace.optim;

import java.util.Map;

/** The update rules by name. A new one is a line here. */
public final class Optimizers {
    private static final Registry<UpdateRule> REGISTRY =
            new Registry<>(
                    "--optimizer",
                    Map.of(
                            MezoSgd.NAME, MezoSgd::new,
                            MezoAdam.NAME, MezoAdam::new));

    private Optimizers() {}

    /**
     * A fresh rule of a name, before its first step.
     *
     * @throws io.millrace.memory.BadInputException when no rule has the name
     */
    public static UpdateRule named(String name) {
        return REGISTRY.named(name);
    }
}
