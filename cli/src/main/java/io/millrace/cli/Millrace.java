package io.millrace.cli;

import io.millrace.cli.command.CleanCommand;
import io.millrace.cli.command.CompletionCommand;
import io.millrace.cli.command.DataCommand;
import io.millrace.cli.command.DemoCommand;
import io.millrace.cli.command.EvalCommand;
import io.millrace.cli.command.ExportCommand;
import io.millrace.cli.command.FindCommand;
import io.millrace.cli.command.ForwardCommand;
import io.millrace.cli.command.GenerateCommand;
import io.millrace.cli.command.InitCommand;
import io.millrace.cli.command.JournalCommand;
import io.millrace.cli.command.MergeCommand;
import io.millrace.cli.command.MethodsCommand;
import io.millrace.cli.command.PlanCommand;
import io.millrace.cli.command.ProbeCommand;
import io.millrace.cli.command.ProfileCommand;
import io.millrace.cli.command.PushCommand;
import io.millrace.cli.command.QuantizeCommand;
import io.millrace.cli.command.ReplayCommand;
import io.millrace.cli.command.RunsCommand;
import io.millrace.cli.command.SynthCommand;
import io.millrace.cli.command.TuneCommand;
import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.context.Failure;
import io.millrace.cli.look.OutliersCommand;
import io.millrace.cli.look.SearchCommand;
import io.millrace.cli.look.SensitiveCommand;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.Described;
import io.millrace.cli.selftest.GradientCheckCommand;
import io.millrace.cli.selftest.SelfTestCommand;
import io.millrace.memory.BadInputException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The {@code millrace} command itself, and the only place that runs one. */
@Command(
        name = "millrace",
        description = "Fine-tunes transformers larger than the memory that tunes them.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        scope = ScopeType.INHERIT,
        sortOptions = false,
        usageHelpWidth = 100,
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Exit codes: 0 done, 1 failed while running, 2 bad input, 130 interrupted."})
final class Millrace implements Callable<Integer> {
    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description = "Show the stack trace of an error.")
    private boolean debug;

    @Option(
            names = "--offline",
            scope = ScopeType.INHERIT,
            description = "Download nothing: models are folders, or in a cache.")
    private boolean offline;

    @Spec private CommandSpec spec;

    /** Runs one command line and returns its exit code; nothing escapes but the end of the JVM. */
    static int run(CommandContext context, String... arguments) {
        Millrace top = new Millrace();
        CommandLine commandLine = commandLine(top, context);
        try {
            return commandLine.execute(arguments);
        } catch (Throwable thrown) {
            // picocli passes exceptions to the handler below; an Error comes through here.
            return fail(context, thrown, top.debug);
        }
    }

    static CommandLine commandLine(Millrace top, CommandContext context) {
        CommandLine commandLine = new CommandLine(top);
        for (Object command :
                List.of(
                        new DemoCommand(context),
                        new TuneCommand(context),
                        new InitCommand(context),
                        new EvalCommand(context),
                        new DataCommand(context),
                        new GenerateCommand(context),
                        new ForwardCommand(context),
                        new ReplayCommand(context),
                        new ExportCommand(context),
                        new MergeCommand(context),
                        new QuantizeCommand(context),
                        new PushCommand(context),
                        new CleanCommand(context),
                        new JournalCommand(context),
                        new RunsCommand(context),
                        new SynthCommand(context),
                        new ProbeCommand(context),
                        new MethodsCommand(context),
                        new PlanCommand(context),
                        new ProfileCommand(context),
                        new FindCommand(context),
                        new SearchCommand(context),
                        new SensitiveCommand(context),
                        new OutliersCommand(context),
                        new CompletionCommand(context),
                        new GradientCheckCommand(context),
                        new SelfTestCommand(context))) {
            CommandSpec described = CommandSpec.forAnnotatedObject(command);
            if (command instanceof Described takes) {
                takes.describe(described);
            }
            commandLine.addSubcommand(new CommandLine(described));
        }
        Converters.register(commandLine);
        // A prompt may begin with @.
        commandLine.setExpandAtFiles(false);
        commandLine.setOut(new PrintWriter(context.out(), true, StandardCharsets.UTF_8));
        commandLine.setErr(new PrintWriter(context.err(), true, StandardCharsets.UTF_8));
        commandLine.setExecutionStrategy(parsed -> {
            if (top.offline) {
                context.models().stayOffline();
            }
            return new CommandLine.RunLast().execute(parsed);
        });
        commandLine.setParameterExceptionHandler((e, ignored) -> {
            context.err().println(Failure.badInput(describe(e)).line());
            context.err().flush();
            return ExitCode.BAD_INPUT;
        });
        commandLine.setExecutionExceptionHandler(
                (e, ignored, ignoredToo) -> fail(context, e, top.debug));
        return commandLine;
    }

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "no command is given");
    }

    /** Says on one line what went wrong, with the stack trace where it is wanted. */
    static int fail(CommandContext context, Throwable thrown, boolean debug) {
        Failure failure = Failure.of(thrown);
        context.err().println(failure.line());
        if (debug) {
            thrown.printStackTrace(context.err());
        }
        context.err().flush();
        return failure.exitCode();
    }

    private static String describe(ParameterException e) {
        // A configuration that refuses an option while it is parsed has said it all.
        if (e.getCause() instanceof BadInputException refused) {
            return refused.getMessage();
        }
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        return e.getMessage().replaceFirst("^Error: ", "")
                + suggestion(e)
                + "; see '"
                + command
                + " --help'";
    }

    private static String suggestion(ParameterException e) {
        return Optional.of(e)
                .filter(UnmatchedArgumentException.class::isInstance)
                .map(UnmatchedArgumentException.class::cast)
                .map(UnmatchedArgumentException::getSuggestions)
                .filter(suggestions -> !suggestions.isEmpty())
                .map(suggestions -> ", did you mean " + String.join(" or ", suggestions) + "?")
                .orElse("");
    }
}
