package io.millrace.cli.shell;

import java.io.File;
import java.util.Locale;
import java.util.Map;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Completion for bash, and zsh as well, by picocli. Its script keeps the words of an option under
 * what stands for the value in the help, where several share one name; and completes files for
 * values of the type {@code File} alone. So it is given the options with labels of their own and
 * with that type.
 */
final class BashCompletion {
    private BashCompletion() {}

    /** The script for a command line. */
    static String of(CommandLine top) {
        CommandSpec copy = copy(top.getCommandSpec());
        for (Map.Entry<String, CommandLine> command : top.getSubcommands().entrySet()) {
            copy.addSubcommand(
                    command.getKey(), new CommandLine(copy(command.getValue().getCommandSpec())));
        }
        return AutoComplete.bash(top.getCommandName(), new CommandLine(copy));
    }

    private static CommandSpec copy(CommandSpec command) {
        CommandSpec copy = CommandSpec.create().name(command.name());
        for (OptionSpec option : command.options()) {
            OptionSpec.Builder spec =
                    OptionSpec.builder(option.names())
                            .arity(option.arity().max() == 0 ? "0" : "1")
                            .paramLabel(label(option))
                            .type(type(option));
            if (!Completed.words(option).isEmpty()) {
                spec.completionCandidates(Completed.words(option));
            }
            copy.addOption(spec.build());
        }
        for (PositionalParamSpec given : command.positionalParameters()) {
            PositionalParamSpec.Builder spec =
                    PositionalParamSpec.builder()
                            .index("0..*")
                            .paramLabel(given.paramLabel())
                            .type(type(given));
            if (!Completed.words(given).isEmpty()) {
                spec.completionCandidates(Completed.words(given));
            }
            copy.addPositional(spec.build());
        }
        return copy;
    }

    private static Class<?> type(ArgSpec value) {
        return Completed.isPath(value) ? File.class : String.class;
    }

    private static String label(OptionSpec option) {
        return option.longestName()
                .replaceFirst("^-+", "")
                .replace('-', '_')
                .toUpperCase(Locale.ROOT);
    }
}
