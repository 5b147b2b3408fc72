package io.millrace.executor.config.data;

import io.millrace.optim.option.OptionType;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Times as people write them: {@code 90s}, {@code 30m}, {@code 1h30m}, {@code 2d}. */
public final class RunTime {
    private static final Pattern FORM =
            Pattern.compile("(?:(\\d{1,4})d)?(?:(\\d{1,5})h)?(?:(\\d{1,6})m)?(?:(\\d{1,8})s)?");

    /** Its type as an option. */
    public static final OptionType<Duration> TYPE =
            OptionType.spelled(RunTime::parse, RunTime::spelled);

    private RunTime() {}

    private static Duration parse(String text) {
        Matcher parts = FORM.matcher(text.strip());
        Duration time =
                parts.matches()
                        ? Duration.ofDays(number(parts, 1))
                                .plusHours(number(parts, 2))
                                .plusMinutes(number(parts, 3))
                                .plusSeconds(number(parts, 4))
                        : Duration.ZERO;
        if (time.isZero()) {
            throw new IllegalArgumentException("'" + text + "' is no time, such as 90s, 30m or 2h");
        }
        return time;
    }

    private static long number(Matcher parts, int group) {
        return parts.group(group) == null ? 0 : Long.parseLong(parts.group(group));
    }

    private static String spelled(Duration time) {
        return time.toSeconds() + "s";
    }
}
