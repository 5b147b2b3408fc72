package io.millrace.cli.option;

import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.Recipe;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * The options of a run that a command takes, made from their descriptions: on its line, or in the
 * recipe that the line names. What the line says wins.
 */
public final class RunLine {
    private static final Option<Path> CONFIG =
            Option.named("config", OptionTypes.PATH)
                    .label("FILE")
                    .help(
                            "Options of a run in YAML or JSON, by their names without dashes: a"
                                    + " recipe, or a run's run.json. What is given here wins.")
                    .build();

    private static final Option<List<String>> SET =
            Option.named("set", OptionTypes.TEXTS)
                    .label("OPTION=VALUE")
                    .help(
                            "What is another than in the recipe, by the names that it has there:"
                                    + " lr=1e-6. Several times for several options.")
                    .build();

    private static final String RECIPE = "RECIPE";

    private final CommandSpec command;
    private final Map<Option<?>, String> helps = new LinkedHashMap<>();
    private final List<Option<?>> first = new ArrayList<>();
    private final List<Option<?>> required = new ArrayList<>();
    private boolean takesRecipe;
    private Optional<Settings> recipe = Optional.empty();

    private RunLine(CommandSpec command) {
        this.command = command;
    }

    /** The line of a command, whose own options are known already. */
    public static RunLine of(CommandSpec command) {
        return new RunLine(command);
    }

    /** An option that must be told; it stands before the command's own. */
    public RunLine require(Option<?> option) {
        return require(option, option.help());
    }

    /** The same with a help of its own. */
    public RunLine require(Option<?> option, String help) {
        first.add(option);
        required.add(option);
        helps.put(option, help);
        return this;
    }

    /** The recipe, and so all that it says; it may be named without its option. */
    public RunLine takeRecipe() {
        takesRecipe = true;
        command.addPositional(
                PositionalParamSpec.builder()
                        .index("0")
                        .arity("0..1")
                        .type(String.class)
                        .paramLabel(RECIPE)
                        .description("The same as --config.")
                        .build());
        return take(List.of(CONFIG, SET));
    }

    /** Options that may be told. */
    public RunLine take(List<Option<?>> options) {
        options.forEach(option -> helps.put(option, option.help()));
        return this;
    }

    /** An option that has another help in this command. */
    public RunLine take(Option<?> option, String help) {
        helps.put(option, help);
        return this;
    }

    /** Ends the list: the options come after the command's own, or after one of them. */
    public RunLine after(String own) {
        List<OptionSpec> options = List.copyOf(command.options());
        int before = options.indexOf(command.findOption(own)) + 1;
        List<OptionSpec> behind = options.subList(before, options.size());
        behind.forEach(command::remove);
        addOptions();
        behind.forEach(command::addOption);
        return this;
    }

    /** Ends the list, after all of the command's own options. */
    public RunLine atTheEnd() {
        List<OptionSpec> own = List.copyOf(command.options());
        if (!first.isEmpty()) {
            own.forEach(command::remove);
            first.forEach(option -> command.addOption(spec(option, helps.get(option))));
            own.forEach(command::addOption);
        }
        addOptions();
        return this;
    }

    private void addOptions() {
        helps.forEach((option, help) -> {
            if (!first.contains(option)) {
                command.addOption(spec(option, help));
            }
        });
    }

    private static OptionSpec spec(Option<?> option, String help) {
        OptionSpec.Builder spec =
                OptionSpec.builder(option.spelled()).description(help.replace("%", "%%"));
        if (!option.choices().isEmpty()) {
            spec.completionCandidates(option.choices());
        }
        return switch (option.type().form()) {
            case FLAG -> spec.type(boolean.class).arity("0").build();
            case VALUE ->
                    spec.type(String.class)
                            .arity("1")
                            .paramLabel(option.label())
                            .converters(checking(option.type()))
                            .build();
            case LIST ->
                    spec.type(List.class)
                            .auxiliaryTypes(String.class)
                            .arity("1")
                            .paramLabel(option.label())
                            .build();
        };
    }

    /** The text stays text: it is read, with the others of its option, when all are there. */
    private static ITypeConverter<String> checking(OptionType<?> type) {
        return text -> {
            Converters.convert(type, text);
            return text;
        };
    }

    /**
     * What was told, here and in the recipe.
     *
     * @throws ParameterException where something that must be told was not
     * @throws io.millrace.memory.BadInputException where a value is beyond its limits, or a recipe
     *     is none
     */
    public Settings told() {
        return Methods.resolve(said());
    }

    /** The same with the method by its name, and nothing beneath. */
    public Settings said() {
        Settings told = recipe().only(helps.keySet()).with(here());
        List<String> missing =
                required.stream()
                        .filter(option -> !told.has(option) && !ManyConfigs.says(told, option))
                        .map(option -> "'" + option.spelled() + "=" + option.label() + "'")
                        .toList();
        if (!missing.isEmpty()) {
            throw new ParameterException(
                    command.commandLine(),
                    (missing.size() == 1
                                    ? "Missing required option: "
                                    : "Missing required options: ")
                            + missing.stream().collect(Collectors.joining(", ")));
        }
        return told.without(List.of(CONFIG, SET));
    }

    /** All that the recipe says, of whatever command. */
    public Settings recipe() {
        if (recipe.isEmpty()) {
            Settings here = here();
            // Once: it may be a pipe.
            Settings read = readRecipe(here.find(CONFIG));
            recipe =
                    Optional.of(
                            read.with(
                                    Recipe.ofWords(
                                            SET.spelled(), here.find(SET).orElse(List.of()))));
        }
        return recipe.get();
    }

    private Settings readRecipe(Optional<Path> given) {
        ParseResult parsed = command.commandLine().getParseResult();
        if (!takesRecipe || !parsed.hasMatchedPositional(0)) {
            return given.map(Recipe::read).orElse(Settings.NONE);
        }
        String named = parsed.matchedPositionalValue(0, "");
        if (given.isPresent()) {
            throw new BadInputException(
                    RECIPE,
                    named + " is given beside " + CONFIG.spelled() + " " + given.get(),
                    "give one recipe");
        }
        return Recipe.read(Converters.convert(OptionTypes.PATH, named), RECIPE);
    }

    /** The command's line, for messages about it. */
    public CommandLine commandLine() {
        return command.commandLine();
    }

    private Settings here() {
        ParseResult parsed = command.commandLine().getParseResult();
        Settings settings = Settings.NONE;
        for (Option<?> option : helps.keySet()) {
            if (parsed.hasMatchedOption(option.spelled())) {
                settings = with(settings, option, parsed.matchedOption(option.spelled()));
            }
        }
        return settings;
    }

    private static <T> Settings with(Settings settings, Option<T> option, OptionSpec given) {
        OptionType<T> type = option.type();
        if (type.form() == OptionType.Form.FLAG) {
            return settings.with(
                    option, type.read().apply(!option.usual().orElseThrow().equals(true)));
        }
        return settings.with(option, option.parse(given.stringValues()));
    }
}
