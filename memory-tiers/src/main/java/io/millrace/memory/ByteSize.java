package io.millrace.memory;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes in bytes as people write them: {@code 18GiB}, {@code 700 MiB}, {@code 4096}. */
public final class ByteSize {
    private static final Pattern FORM = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([KMGTP]?)(I?)B?");
    private static final String PREFIXES = "KMGTP";

    private ByteSize() {}

    /**
     * Reads a size; {@code GiB} counts 1024³ and {@code GB} 1000³.
     *
     * @throws IllegalArgumentException when the text is not a size or exceeds 63 bits
     */
    public static long parse(String text) {
        Matcher matcher = FORM.matcher(text.trim().toUpperCase(Locale.ROOT));
        if (!matcher.matches() || (matcher.group(2).isEmpty() && !matcher.group(3).isEmpty())) {
            throw new IllegalArgumentException("'" + text + "' is not a size such as 18GiB");
        }
        int power = PREFIXES.indexOf(matcher.group(2)) + 1;
        if (matcher.group(2).isEmpty()) {
            power = 0;
        }
        BigDecimal unit = BigDecimal.valueOf(matcher.group(3).isEmpty() ? 1000 : 1024).pow(power);
        try {
            return new BigDecimal(matcher.group(1)).multiply(unit).toBigInteger().longValueExact();
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("'" + text + "' is larger than 8 EiB", e);
        }
    }

    /**
     * Writes a size as {@link #format} does, but never as less than it is: what a person has to
     * give at least is enough when they type what they read.
     */
    public static String formatAtLeast(long bytes) {
        String nearest = format(bytes);
        if (parse(nearest) >= bytes) {
            return nearest;
        }
        // A hundredth more of the same unit, and the unit above where that makes a whole one.
        int digits = nearest.length() - "KiB".length();
        BigDecimal more = new BigDecimal(nearest.substring(0, digits)).add(new BigDecimal("0.01"));
        int power = PREFIXES.indexOf(nearest.charAt(digits));
        boolean whole = more.compareTo(BigDecimal.valueOf(1024)) >= 0;
        return whole && power + 1 < PREFIXES.length()
                ? "1.00" + PREFIXES.charAt(power + 1) + "iB"
                : more + nearest.substring(digits);
    }

    /** Writes a size with three digits or so, such as {@code 2.51GiB}; exact below 1 KiB. */
    public static String format(long bytes) {
        if (bytes < 1024) {
            return bytes + "B";
        }
        double value = bytes;
        int power = 0;
        while (value >= 1023.995 && power < PREFIXES.length()) {
            value /= 1024;
            power++;
        }
        return String.format(Locale.ROOT, "%.2f%ciB", value, PREFIXES.charAt(power - 1));
    }
}
