package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A file of options: one JSON object of their names without dashes, or a {@code run.json} with its
 * {@code "options"}. Going on with a run is said anew each time, so {@code "resume"} is passed
 * over.
 */
public final class Recipe {
    private static final int MAX_BYTES = 1 << 20;
    private static final String NEGATION = "no-";

    private Recipe() {}

    /**
     * Reads a recipe.
     *
     * @param file the file
     * @return what it says, whichever command has a use for it
     * @throws BadInputException where it cannot be read, has a field that is no option of a run, or
     *     a value that its option does not take
     */
    public static Settings read(Path file) {
        JsonObject object = object(file);
        Settings settings = Settings.NONE;
        for (Map.Entry<String, Object> field : object.fields().entrySet()) {
            settings = with(settings, file, field.getKey(), field.getValue());
        }
        return settings.without(List.of(OutputConfig.RESUME));
    }

    private static JsonObject object(Path file) {
        try {
            JsonObject whole = Json.readObject(file, MAX_BYTES);
            return whole.optionalObject("options").orElse(whole);
        } catch (NoSuchFileException e) {
            throw new BadInputException("--config", file + " is not there", "check the path");
        } catch (IOException e) {
            throw new BadInputException(
                    "--config",
                    file + " cannot be read (" + e.getMessage() + ")",
                    "check the path");
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    file.toString(),
                    "is no recipe: " + e.getMessage(),
                    "write one JSON object, such as {\"lr\": 1e-6, \"steps\": 2000}");
        }
    }

    private static Settings with(Settings settings, Path file, String name, Object value) {
        Option<?> option =
                ManyConfigs.OPTIONS.stream()
                        .filter(one -> one.name().equals(name))
                        .<Option<?>>map(one -> one)
                        .findFirst()
                        .orElseGet(() -> RunOptions.byName().get(name));
        if (option != null) {
            return with(settings, file, option, value);
        }
        Option<?> flag = negated(name);
        if (flag == null) {
            throw new BadInputException(
                    file.toString(),
                    "field '" + name + "' is no option of a run",
                    "see 'millrace tune --help', and leave the dashes out");
        }
        throw new BadInputException(
                file.toString(),
                "field '" + name + "' is an option's other state",
                "write \"" + flag.name() + "\": false");
    }

    /** The option that a person may mean by what the command line calls its other state. */
    private static Option<?> negated(String name) {
        Option<?> option =
                name.startsWith(NEGATION)
                        ? RunOptions.byName().get(name.substring(NEGATION.length()))
                        : null;
        boolean isFlag = option != null && option.type().form() == OptionType.Form.FLAG;
        return isFlag ? option : null;
    }

    private static <T> Settings with(Settings settings, Path file, Option<T> option, Object value) {
        String place = file + ": field '" + option.name() + "'";
        T read;
        try {
            read = option.type().read().apply(value);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(
                    place, e.getMessage(), "write what " + option.spelled() + " takes");
        }
        return settings.with(option, read, place);
    }
}
