package io.millrace.cli.shell;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Completion for fish, a line an option; picocli writes that of bash and zsh alone. */
final class FishCompletion {
    private static final int MOST_WORDS = 80; // of a description, in characters

    private FishCompletion() {}

    /** The script for a command line. */
    static String of(CommandLine top) {
        String name = top.getCommandName();
        List<String> lines = new ArrayList<>();
        lines.add("# Completion of " + name + " for fish.");
        lines.add("complete -c " + name + " -f");
        for (Map.Entry<String, CommandLine> command : top.getSubcommands().entrySet()) {
            CommandSpec spec = command.getValue().getCommandSpec();
            lines.add(
                    "complete -c "
                            + name
                            + " -n __fish_use_subcommand -a "
                            + command.getKey()
                            + " -d "
                            + described(spec.usageMessage().description()));
            String within =
                    "complete -c "
                            + name
                            + " -n '__fish_seen_subcommand_from "
                            + command.getKey()
                            + "'";
            for (PositionalParamSpec given : spec.positionalParameters()) {
                lines.add(within + positional(given));
            }
            for (OptionSpec option : spec.options()) {
                lines.add(within + option(option));
            }
        }
        return String.join("\n", lines) + "\n";
    }

    private static String positional(PositionalParamSpec given) {
        if (Completed.isPath(given)) {
            return " -F";
        }
        List<String> words = Completed.words(given);
        return words.isEmpty() ? "" : " -a " + quoted(String.join(" ", words));
    }

    private static String option(OptionSpec option) {
        StringBuilder line = new StringBuilder();
        for (String name : option.names()) {
            line.append(name.startsWith("--") ? " -l " : " -s ")
                    .append(name.replaceFirst("-+", ""));
        }
        if (option.arity().max() > 0) {
            line.append(value(option));
        }
        return line.append(" -d ").append(described(option.description())).toString();
    }

    /** {@code -x}: a value that is no file; {@code -r -F}: one that is. */
    private static String value(OptionSpec option) {
        List<String> words = Completed.words(option);
        if (!words.isEmpty()) {
            return " -x -a " + quoted(String.join(" ", words));
        }
        return Completed.isPath(option) ? " -r -F" : " -x";
    }

    private static String described(String... description) {
        String text = String.join(" ", description).replace("%%", "%");
        int end = text.indexOf(". ");
        String first = end < 0 ? text : text.substring(0, end);
        return quoted(
                first.length() <= MOST_WORDS ? first : first.substring(0, MOST_WORDS) + "...");
    }

    private static String quoted(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
