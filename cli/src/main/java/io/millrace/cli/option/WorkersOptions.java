package io.millrace.cli.option;

import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.executor.plan.Network;
import io.millrace.memory.BadInputException;
import java.util.Objects;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** How many workers a plan is for, and what they speak over. */
public final class WorkersOptions {
    @Option(
            names = "--workers",
            paramLabel = "N",
            description =
                    "Workers that share a step, each on such a machine: what each --parallel makes"
                            + " of it.")
    private Integer count;

    @Option(
            names = "--network",
            paramLabel = "NAME",
            converter = ByName.class,
            description = "What they speak over: 1GbE, 10GbE or 100GbE. Default: 10GbE.")
    private Network network;

    @Option(
            names = "--simulate",
            description =
                    "Simulate steps of 1, 2, 4, ... up to --workers on machines that are not always"
                            + " equally fast; --plot then draws these.")
    private boolean simulate;

    /** Networks by name. */
    static final class ByName implements ITypeConverter<Network> {
        @Override
        public Network convert(String text) {
            return Converters.convert(Network.TYPE, text);
        }
    }

    /** Whether there are to be several. */
    public boolean areAsked() {
        return count != null;
    }

    /**
     * Holds them to each other.
     *
     * @throws BadInputException where one has no meaning without another
     */
    public void check() {
        if (count == null && (network != null || simulate)) {
            throw new BadInputException(
                    network != null ? "--network" : "--simulate",
                    "a plan is for one worker unless it says how many",
                    "add --workers");
        }
        int most = WorkersConfig.MOST_WORKERS; // a plan is of a run that may be
        if (count != null && (count < 1 || count > most)) {
            throw new BadInputException(
                    "--workers", count + " is no number of workers", "give 1 to " + most);
        }
    }

    /** How many. */
    public int count() {
        return Objects.requireNonNullElse(count, 1);
    }

    /** What they speak over. */
    public Network network() {
        return Objects.requireNonNullElse(network, Network.GBE_10);
    }

    /** Whether ever more of them are to be simulated. */
    public boolean simulates() {
        return simulate;
    }
}
