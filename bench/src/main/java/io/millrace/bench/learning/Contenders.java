package io.millrace.bench.learning;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.TrainedTensors;
import java.util.List;

/**
 * Methods by name, and each over a LoRA beside a model that is only read: {@code lora adamw}. Those
 * that are compared unless told otherwise are MeZO with its best relatives, and of the gradient one
 * of each kind: all states, none, parts in turn, layers drawn, a projection.
 */
public final class Contenders {
    private static final String BESIDE = LoraKind.NAME + " ";
    private static final List<String> USUAL =
            List.of(
                    "mezo",
                    "lozo",
                    "fzoo",
                    "helene",
                    BESIDE + "mezo-adam",
                    "hift",
                    "lomo",
                    "adamw",
                    "lisa",
                    "galore",
                    BESIDE + "adamw");

    private Contenders() {}

    /** Those that are compared. */
    public static List<String> usual() {
        return USUAL;
    }

    /**
     * One by its name.
     *
     * @throws io.millrace.memory.BadInputException when no method has the name
     */
    public static Method named(String name) {
        if (!name.startsWith(BESIDE)) {
            return Methods.named(name);
        }
        Method method = Methods.named(name.substring(BESIDE.length()));
        return new Method(
                name, method.source(), method.settings().with(TrainedTensors.TUNE, LoraKind.NAME));
    }
}
