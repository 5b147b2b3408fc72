package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import io.millrace.model.adapter.LoraSettings;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/** The options of a run that trains a LoRA beside its model: {@code --tune lora}. */
public final class LoraOptions {
    private static final int USUAL_RANK = 8;

    /** r of all factors. */
    public static final Option<Integer> RANK =
            Option.named("lora-rank", OptionTypes.INTEGER)
                    .label("R")
                    .help("Rank of the LoRA that --tune lora trains.")
                    .usual(USUAL_RANK)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** What is added is scaled by this over r. */
    public static final Option<Double> ALPHA =
            Option.named("lora-alpha", OptionTypes.NUMBER)
                    .label("F")
                    .help("What the LoRA adds is scaled by this over its rank.")
                    .usual(16.0)
                    .limit(Limit.finitePositive())
                    .limit(Limit.positiveInFloat32())
                    .decidesBytes()
                    .build();

    /** Modules that it stands beside. */
    public static final Option<List<String>> TARGETS =
            Option.named("lora-targets", OptionTypes.WORDS)
                    .label("A,B")
                    .help(
                            "Modules that the LoRA stands beside, by the ends of their paths, or"
                                    + " all-linear: all products but the output head's.")
                    .usual(List.of("q_proj", "v_proj"))
                    .usually("q_proj,v_proj")
                    .limit(
                            new Limit<>(
                                    names -> names.stream().noneMatch(String::isBlank),
                                    names -> "a name among " + names + " is empty",
                                    "give names with commas between them"))
                    .decidesBytes()
                    .build();

    /** Whether the scale is over the root of r. */
    public static final Option<Boolean> RSLORA =
            Option.named("lora-rslora", OptionTypes.FLAG)
                    .help("Scale what the LoRA adds by alpha over the root of its rank.")
                    .usualUnsaid(false)
                    .decidesBytes()
                    .build();

    /** All of them. */
    public static final List<Option<?>> ALL = List.of(RANK, ALPHA, TARGETS, RSLORA);

    private LoraOptions() {}

    /** What a run says of its LoRA. */
    static LoraSettings of(Settings settings) {
        return new LoraSettings(
                settings.get(RANK),
                settings.get(ALPHA),
                settings.get(RSLORA),
                settings.get(TARGETS));
    }

    /**
     * Refuses them in a run that trains no LoRA.
     *
     * @throws BadInputException where one was told
     */
    static void requireUse(Settings told) {
        if (TrainedTensors.isLora(told)) {
            return;
        }
        ALL.stream()
                .filter(told::has)
                .findFirst()
                .ifPresent(option -> {
                    throw new BadInputException(
                            option.spelled(),
                            "a run that trains no LoRA has no use for it",
                            "give --tune lora, or leave it out");
                });
    }
}
