package io.millrace.executor.config.data;

import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;

/**
 * Whether workers of one host read slices of blocks for each other; whichever it is decides no
 * byte.
 */
public enum SliceSharing {
    /** Where two or more of a host stream blocks from one drive. */
    AUTO("auto"),
    /** All of them, or the run is refused. */
    ON("on"),
    /** None: each reads all that it needs. */
    OFF("off");

    /** What is wanted; auto where nobody says. */
    public static final Option<SliceSharing> OPTION =
            Option.named("slices", OptionTypes.oneOf(values(), SliceSharing::label))
                    .label("auto|on|off")
                    .help(
                            "Whether workers of one host that stream blocks from one drive each read"
                                    + " slices of them and pass these on through shared memory: auto,"
                                    + " where there are such; on, or the run is refused; off. It"
                                    + " decides no byte.")
                    .usually("auto")
                    .build();

    private final String label;

    SliceSharing(String label) {
        this.label = label;
    }

    /** The name on the command line. */
    public String label() {
        return label;
    }
}
