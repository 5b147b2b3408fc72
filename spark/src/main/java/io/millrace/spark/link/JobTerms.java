package io.millrace.spark.link;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * What all workers of a run have agreed on before they speak.
 *
 * @param size how many workers there are, at least 1
 * @param token known to workers of this run alone
 * @param version of the program
 * @param patience how long a worker waits for what another one computes
 * @param silence how long nothing at all may be heard of another worker
 * @param tls the files of mutual authentication; without them words travel in clear
 */
public record JobTerms(
        int size,
        String token,
        String version,
        Duration patience,
        Duration silence,
        Optional<TlsFiles> tls) {
    private static final int LEAST_TOKEN = 16;
    private static final int PULSES_A_SILENCE = 8;
    private static final Duration LONGEST_ARRIVAL = Duration.ofMinutes(2);

    public JobTerms {
        if (size < 1) {
            throw new IllegalArgumentException(size + " workers");
        }
        if (token.length() < LEAST_TOKEN) {
            throw new IllegalArgumentException("a token of less than 16 characters can be guessed");
        }
        Objects.requireNonNull(version);
        if (patience.isNegative() || patience.isZero() || silence.toMillis() < PULSES_A_SILENCE) {
            throw new IllegalArgumentException("patience " + patience + ", silence " + silence);
        }
    }

    /** How long a worker waits for another one to come at all. */
    Duration arrival() {
        return patience.compareTo(LONGEST_ARRIVAL) < 0 ? patience : LONGEST_ARRIVAL;
    }

    /** How often a worker says that it is there. */
    Duration pulse() {
        return silence.dividedBy(PULSES_A_SILENCE);
    }
}
