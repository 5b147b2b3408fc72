package io.millrace.executor.config;

import io.millrace.optim.option.OptionType;
import java.math.BigInteger;

/** Seeds as people and files write them: 64 bits, decimal or {@code 0x…}. */
public final class Seeds {
    /** Seeds as an option has them; JSON may have a plain number too. */
    public static final OptionType<Long> TYPE =
            OptionType.word(Seeds::parse, json -> parse(String.valueOf(json)), Seeds::format);

    private static final BigInteger LEAST = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger PAST_GREATEST = BigInteger.ONE.shiftLeft(64);

    private Seeds() {}

    /**
     * Reads a seed; decimals from −2⁶³ to 2⁶⁴−1 name the same 64 bits in two's complement.
     *
     * @throws IllegalArgumentException when the text is not a number or exceeds 64 bits
     */
    public static long parse(String text) {
        BigInteger value;
        try {
            boolean hex = text.startsWith("0x") || text.startsWith("0X");
            // A sign after the prefix would be read as part of the number.
            if (hex && (text.startsWith("-", 2) || text.startsWith("+", 2))) {
                throw new NumberFormatException("sign after 0x");
            }
            value = hex ? new BigInteger(text.substring(2), 16) : new BigInteger(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not a seed such as 42 or 0x2a", e);
        }
        if (value.compareTo(LEAST) < 0 || value.compareTo(PAST_GREATEST) >= 0) {
            throw new IllegalArgumentException("'" + text + "' does not fit 64 bits");
        }
        return value.longValue();
    }

    /** The spelling that files use, {@code 0x} and sixteen digits. */
    public static String format(long seed) {
        return String.format("0x%016x", seed);
    }
}
