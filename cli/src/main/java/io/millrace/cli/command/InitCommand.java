package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.run.FirstRecipe;
import io.millrace.executor.config.GivenPaths;
import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code millrace init}. */
@Command(
        name = "init",
        customSynopsis = "millrace init [RECIPE]",
        description =
                "Ask for a model, data, memory, what to tune and how long, and write a recipe that"
                        + " fits this machine. Answers may come from a pipe, a line each; what is"
                        + " left empty is as the question says.")
public final class InitCommand implements Callable<Integer> {
    private final CommandContext context;

    @Parameters(
            arity = "0..1",
            paramLabel = "RECIPE",
            description = "New file for the recipe. Default: recipe.yaml.")
    private Path recipe = Path.of("recipe.yaml");

    public InitCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException {
        if (Files.exists(recipe)) {
            throw new BadInputException(
                    "RECIPE", recipe + " is there already", "give the name of a new file");
        }
        GivenPaths.requireWritableFile("RECIPE", recipe);
        String text = new FirstRecipe(context).text();
        Files.writeString(recipe, text);
        context.print("wrote " + recipe);
        context.print("look at the plan:  millrace tune " + recipe + " --dry-run");
        context.print("find an lr:        millrace find " + recipe);
        context.print("tune:              millrace tune " + recipe);
        return ExitCode.DONE;
    }
}
