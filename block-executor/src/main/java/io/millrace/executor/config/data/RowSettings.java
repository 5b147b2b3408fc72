package io.millrace.executor.config.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.option.RowOptions;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How the rows of data files are taken. */
public final class RowSettings {
    /** Names of fields. */
    public static final Option<List<String>> COLUMNS =
            Option.named("columns", OptionTypes.WORDS)
                    .label("NAME=FIELD,...")
                    .help(
                            "Names that rows are read by, and what the data calls them:"
                                    + " text=sentence,label=gold. Numbers from 1 are columns of a"
                                    + " table without a line of names.")
                    .limit(
                            new Limit<>(
                                    words -> words.stream().allMatch(RowSettings::isPair),
                                    words -> words + " has one that is no NAME=FIELD",
                                    "write it like text=sentence,label=gold"))
                    .build();

    /** The field of the label. */
    public static final Option<String> LABEL_FIELD =
            Option.named("label-field", OptionTypes.TEXT)
                    .label("FIELD")
                    .help("The field that holds the label. Default: label.")
                    .build();

    /** Names of labels. */
    public static final Option<List<String>> LABEL_NAMES =
            Option.named("label-names", OptionTypes.WORDS)
                    .label("A,B")
                    .help(
                            "What the data calls label 0, 1, ..., where they are no numbers: neg,pos.")
                    .build();

    /** Part of a folder. */
    public static final Option<String> SPLIT =
            Option.named("split", OptionTypes.TEXT)
                    .label("NAME")
                    .help(
                            "Of a folder, the files of this split, such as train or validation;"
                                    + " the usual one, or all, where none is given.")
                    .build();

    /** Whether bad rows are left out. */
    public static final Option<Boolean> SKIP_BAD =
            Option.named("skip-bad-rows", OptionTypes.FLAG)
                    .help("Leave rows out that cannot be used, and say how many and why.")
                    .usualUnsaid(false)
                    .build();

    /** All of them. */
    public static final List<Option<?>> OPTIONS =
            List.of(COLUMNS, LABEL_FIELD, LABEL_NAMES, SPLIT, SKIP_BAD);

    private RowSettings() {}

    private static boolean isPair(String text) {
        int at = text.indexOf('=');
        return at > 0 && at < text.length() - 1;
    }

    /** What settings say of rows. */
    public static RowOptions of(Settings settings) {
        Map<String, String> columns = new LinkedHashMap<>();
        for (String pair : settings.find(COLUMNS).orElse(List.of())) {
            int at = pair.indexOf('=');
            put(columns, COLUMNS, pair.substring(0, at).strip(), pair.substring(at + 1).strip());
        }
        settings.find(LABEL_FIELD).ifPresent(field -> put(columns, LABEL_FIELD, "label", field));
        return new RowOptions(columns, settings.find(SPLIT), settings.get(SKIP_BAD));
    }

    private static void put(
            Map<String, String> columns, Option<?> option, String name, String field) {
        if (columns.put(name, field) != null) {
            throw new BadInputException(
                    option.spelled(), "'" + name + "' is named twice", "name it once");
        }
    }
}
