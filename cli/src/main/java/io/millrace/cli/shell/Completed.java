package io.millrace.cli.shell;

import io.millrace.optim.option.OptionTypes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Model.ArgSpec;

/** What a shell may put in the place of a value. */
final class Completed {
    private Completed() {}

    /** Whether that are files and folders. */
    static boolean isPath(ArgSpec value) {
        String label = value.paramLabel();
        return label.contains("FILE") || label.contains("DIR") || label.contains("RECIPE");
    }

    /** The words that it may be; empty where any may. */
    static List<String> words(ArgSpec value) {
        if (value.type().isEnum()) {
            return Arrays.stream(value.type().getEnumConstants())
                    .map(constant -> OptionTypes.spelling((Enum<?>) constant))
                    .toList();
        }
        List<String> words = new ArrayList<>();
        if (value.completionCandidates() != null) {
            value.completionCandidates().forEach(words::add);
        }
        return words;
    }
}
