package io.millrace.executor.adapter;

import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.LoraSettings;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;

/** A LoRA beside products within layers: {@code --tune lora}. */
public final class LoraKind implements AdapterKind {
    /** The name. */
    public static final String NAME = "lora";

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
            ModuleTargets.option("lora-targets", "the LoRA stands", List.of("q_proj", "v_proj"));

    /** Whether the scale is over the root of r. */
    public static final Option<Boolean> RSLORA =
            Option.named("lora-rslora", OptionTypes.FLAG)
                    .help("Scale what the LoRA adds by alpha over the root of its rank.")
                    .usualUnsaid(false)
                    .decidesBytes()
                    .build();

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String title() {
        return "a LoRA";
    }

    @Override
    public List<Option<?>> options() {
        return List.of(RANK, ALPHA, TARGETS, RSLORA);
    }

    @Override
    public AdapterSettings make(Settings values, long runSeed) {
        return new LoraSettings(
                values.get(RANK), values.get(ALPHA), values.get(RSLORA), values.get(TARGETS));
    }

    @Override
    public Optional<Settings> told(AdapterSettings own) {
        return own instanceof LoraSettings lora
                ? Optional.of(
                        Settings.NONE
                                .with(RANK, lora.rank())
                                .with(ALPHA, lora.alpha())
                                .with(RSLORA, lora.rslora())
                                .with(TARGETS, lora.targets()))
                : Optional.empty();
    }
}
