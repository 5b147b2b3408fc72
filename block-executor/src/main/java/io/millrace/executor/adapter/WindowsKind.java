package io.millrace.executor.adapter;

import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.LoraSettings;
import io.millrace.model.adapter.WindowSettings;
import io.millrace.model.spec.SideSpec;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/**
 * LOZO's windows of low-rank directions, kept beside a model that is only read: {@code --tune
 * windows}.
 */
public final class WindowsKind implements AdapterKind {
    /** The name. */
    public static final String NAME = "windows";

    private static final int USUAL_RANK = 2;
    private static final int USUAL_STEPS = 50;

    /** r of each. */
    public static final Option<Integer> RANK =
            number("windows-rank", "R", "Rank of each window that --tune windows keeps.")
                    .usual(USUAL_RANK)
                    .build();

    /** Steps of each. */
    public static final Option<Integer> STEPS =
            number("windows-steps", "N", "Steps of each of these windows.")
                    .usual(USUAL_STEPS)
                    .build();

    /** How many there is room for. */
    public static final Option<Integer> COUNT =
            number("windows-count", "K", "Windows that there is room for in the adapter.")
                    .usually("as many as the steps take")
                    .build();

    /** Modules that they stand beside. */
    public static final Option<List<String>> TARGETS =
            ModuleTargets.option(
                    "windows-targets", "windows stand", List.of(LoraSettings.ALL_LINEAR));

    private static Option.Builder<Integer> number(String name, String label, String help) {
        return Option.named(name, OptionTypes.INTEGER)
                .label(label)
                .help(help)
                .limit(Limit.atLeast(1))
                .decidesBytes();
    }

    /**
     * How many windows a run of so many steps takes.
     *
     * @param settings with a value for the steps of each
     */
    public static int count(Settings settings, long steps) {
        return Math.toIntExact(Math.ceilDiv(steps, settings.get(STEPS)));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String title() {
        return "windows of low-rank directions";
    }

    @Override
    public List<Option<?>> options() {
        return List.of(RANK, STEPS, COUNT, TARGETS);
    }

    @Override
    public AdapterSettings make(Settings values, long runSeed) {
        return new WindowSettings(
                new SideSpec.Windows(values.get(RANK), values.get(STEPS)),
                values.find(COUNT).orElse(1),
                values.get(TARGETS));
    }
}
