package io.millrace.executor.config;

import io.millrace.executor.config.data.WorkersConfig;
import io.millrace.executor.config.recipe.JsonFields;
import io.millrace.executor.config.recipe.NearestName;
import io.millrace.executor.config.recipe.OptionWords;
import io.millrace.executor.config.recipe.RecipeField;
import io.millrace.executor.config.recipe.YamlFields;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A file of options: their names without dashes, in YAML or as one JSON object, or a {@code
 * run.json} with its {@code "options"}. Going on with a run is said anew each time, so {@code
 * "resume"} is passed over.
 */
public final class Recipe {
    private static final int MAX_BYTES = 1 << 20;
    private static final String NEGATION = "no-";

    /** What is no run's, and may be said of runs. */
    private static final List<Option<?>> BESIDE =
            RunOptions.joined(List.of(ManyConfigs.OPTIONS, WorkersConfig.OPTIONS));

    private Recipe() {}

    /** Reads a recipe that {@code --config} names. */
    public static Settings read(Path file) {
        return read(file, "--config");
    }

    /**
     * Reads a recipe.
     *
     * @param file the file
     * @param told what named it, for messages
     * @return what it says, whichever command has a use for it
     * @throws BadInputException where it cannot be read, has a field that is no option of a run, or
     *     a value that its option does not take
     */
    public static Settings read(Path file, String told) {
        String text = text(file, told);
        List<RecipeField> fields =
                isJson(file, text)
                        ? JsonFields.read(file.toString(), text)
                        : YamlFields.read(file.toString(), text);
        Settings settings = Settings.NONE;
        for (RecipeField field : fields) {
            settings = with(settings, field);
        }
        return settings.without(List.of(OutputConfig.RESUME));
    }

    /**
     * Options as words with a value each, such as {@code lr=1e-6}.
     *
     * @param told what they were given to, for messages
     * @param words as they were given
     * @throws BadInputException where one is no option of a run, or has a value that it does not
     *     take
     */
    public static Settings ofWords(String told, List<String> words) {
        Settings settings = Settings.NONE;
        for (String word : words) {
            settings = with(settings, OptionWords.field(told, word));
        }
        return settings;
    }

    private static boolean isJson(Path file, String text) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        boolean saysYaml = name.endsWith(".yaml") || name.endsWith(".yml");
        String begins = text.stripLeading();
        return name.endsWith(".json")
                || (!saysYaml && (begins.startsWith("{") || begins.startsWith("[")));
    }

    private static String text(Path file, String told) {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(MAX_BYTES + 1);
        } catch (NoSuchFileException e) {
            throw new BadInputException(told, file + " is not there", "give a file that is there");
        } catch (IOException e) {
            throw new BadInputException(
                    told, file + " cannot be read (" + e.getMessage() + ")", "check the path");
        }
        if (bytes.length > MAX_BYTES) {
            throw new BadInputException(
                    file.toString(), "is larger than any recipe", "give a file of options");
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new BadInputException(
                    file.toString(), "is no text in UTF-8", "give a file of options");
        }
    }

    private static Settings with(Settings settings, RecipeField field) {
        Option<?> option =
                BESIDE.stream()
                        .filter(one -> one.name().equals(field.name()))
                        .<Option<?>>map(one -> one)
                        .findFirst()
                        .orElseGet(() -> RunOptions.byName().get(field.name()));
        if (option != null) {
            return with(settings, field, option);
        }
        Option<?> flag = negated(field.name());
        if (flag == null) {
            throw new BadInputException(
                    field.place(),
                    field.label() + " is no option of a run",
                    NearestName.to(field.name(), names())
                                    .map(name -> "write " + name + ", or ")
                                    .orElse("")
                            + "see 'millrace tune --help', and leave the dashes out");
        }
        throw new BadInputException(
                field.place(),
                field.label() + " is an option's other state",
                "write " + field.form().written(flag.name(), false));
    }

    private static Set<String> names() {
        Set<String> names = new HashSet<>(RunOptions.byName().keySet());
        BESIDE.forEach(option -> names.add(option.name()));
        return names;
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

    private static <T> Settings with(Settings settings, RecipeField field, Option<T> option) {
        String place = field.place() + ": " + field.label();
        T read;
        try {
            read = field.value().as(option.type());
        } catch (IllegalArgumentException e) {
            throw new BadInputException(
                    place, e.getMessage(), "write what " + option.spelled() + " takes");
        }
        return settings.with(option, read, place);
    }
}
