package io.millrace.executor.config.data;

import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import java.util.List;

/** What of a step several workers divide among them; whichever it is decides no byte. */
public enum Parallel {
    /** Directions and their signs, PertP of DistZO2 (arXiv 2507.03211). */
    PERTP("pertp"),
    /** Micro-batches. */
    DDP("ddp"),
    /** Both. */
    GRID("2d"),
    /** Whichever leaves the busiest worker the least to do. */
    AUTO("auto");

    /** Its type as an option. */
    public static final OptionType<Parallel> TYPE = OptionTypes.oneOf(values(), Parallel::label);

    /** What is divided; auto where nobody says. */
    public static final Option<Parallel> OPTION =
            Option.named("parallel", TYPE)
                    .label("pertp|ddp|2d|auto")
                    .help(
                            "What several workers divide: pertp, directions and their signs; ddp,"
                                    + " micro-batches; 2d, both; auto, whichever leaves the busiest"
                                    + " worker the least to do. It decides no byte.")
                    .usually("auto")
                    .build();

    /** What several workers are told of how they share a run. */
    public static final List<Option<?>> OPTIONS = List.of(OPTION, SliceSharing.OPTION);

    private final String label;

    Parallel(String label) {
        this.label = label;
    }

    /** The name on the command line. */
    public String label() {
        return label;
    }
}
