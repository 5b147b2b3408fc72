package io.millrace.executor.plan;

import io.millrace.optim.option.OptionType;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What workers speak over, as datasheets and a program's own stack make it. */
public enum Network {
    /** An office's. */
    GBE_1("1GbE", 100e-6, 117e6),
    /** A server room's. */
    GBE_10("10GbE", 50e-6, 1.17e9),
    /** A cluster's. */
    GBE_100("100GbE", 20e-6, 11.7e9);

    /** Its type as an option. */
    public static final OptionType<Network> TYPE =
            OptionType.spelled(Network::parse, Network::label);

    // Of a message: its place in the stream, the call and its name.
    private static final int ENVELOPE_BYTES = 160;
    // What worker 0 spends on each of the others' messages, there and back: with gRPC on one host
    // an exchange of two takes 0.1 to 0.3 ms.
    private static final double MESSAGE_SECONDS = 15e-6;

    private final String label;
    private final double latencySeconds; // one way
    private final double bytesPerSecond;

    Network(String label, double latencySeconds, double bytesPerSecond) {
        this.label = label;
        this.latencySeconds = latencySeconds;
        this.bytesPerSecond = bytesPerSecond;
    }

    /** The name on the command line. */
    public String label() {
        return label;
    }

    /**
     * Seconds in which all workers hear what all have found, by way of worker 0.
     *
     * @param workers how many
     * @param numbers that all of them have found together
     */
    public double exchangeSeconds(int workers, long numbers) {
        if (workers == 1) {
            return 0;
        }
        double bytes = numbers * (double) Double.BYTES;
        double in = bytes + (workers - 1.0) * ENVELOPE_BYTES;
        double out = (workers - 1.0) * (bytes + (double) workers * ENVELOPE_BYTES / 8);
        return 2 * latencySeconds + (workers - 1) * MESSAGE_SECONDS + (in + out) / bytesPerSecond;
    }

    private static Network parse(String text) {
        return Arrays.stream(values())
                .filter(one -> one.label.equalsIgnoreCase(text))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException(
                                "'"
                                        + text
                                        + "' is not one of "
                                        + Arrays.stream(values())
                                                .map(Network::label)
                                                .collect(Collectors.joining(", "))));
    }
}
