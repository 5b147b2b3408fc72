package io.millrace.cli.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The {@code tune} command that takes up what {@code find} was asked with. */
public final class TuneCommandLine {
    private static final Set<String> WITH_VALUE = Set.of("--lr", "--eps", "--probe-steps");
    private static final Set<String> ALONE = Set.of("--json", "--debug");
    private static final Pattern PLAIN = Pattern.compile("[\\w@%+=:,./-]+");

    private TuneCommandLine() {}

    /**
     * The words of the command after the program's name, quoted for a shell where they need it.
     *
     * @param proposed options and their values
     */
    public static List<String> of(List<String> findArguments, List<String> proposed) {
        List<String> words = new ArrayList<>();
        words.add("tune");
        boolean dropsValue = false;
        for (String argument : findArguments.subList(1, findArguments.size())) {
            String name = argument.split("=", 2)[0];
            if (dropsValue) {
                dropsValue = false;
            } else if (WITH_VALUE.contains(name)) {
                dropsValue = name.equals(argument);
            } else if (!ALONE.contains(argument)) {
                words.add(quoted(argument));
            }
        }
        words.addAll(proposed);
        words.addAll(List.of("--out", "tuned"));
        return words;
    }

    private static String quoted(String word) {
        return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
