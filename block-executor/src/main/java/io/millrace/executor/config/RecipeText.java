package io.millrace.executor.config;

import io.millrace.executor.config.recipe.YamlText;
import io.millrace.model.hub.HubId;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A recipe in YAML, as {@link Recipe} reads it. */
public final class RecipeText {
    private static final String AGAIN =
            """
            # Repeats this run, to the same bytes: millrace tune recipe.yaml --out ANOTHER
            # and goes on with it where it was interrupted: millrace tune recipe.yaml --resume

            """;

    private RecipeText() {}

    /**
     * All that a run goes by, what is as usual included: usual values may change.
     *
     * @param config the run; its paths become absolute, since nobody knows from where they are read
     *     again
     */
    public static String of(TuneConfig config) {
        Settings settings = config.settings().without(List.of(OutputConfig.RESUME));
        Map<String, Object> told = new LinkedHashMap<>();
        Map<String, Object> usual = new LinkedHashMap<>();
        Map<String, Object> json = settings.toJson();
        for (Option<?> option : settings.options()) {
            boolean isUsual = settings.find(option).equals(option.usual());
            (isUsual ? usual : told).put(option.name(), json(settings, option, json));
        }
        HubId.ofSnapshot(config.model())
                .ifPresent(id -> told.put(TuneConfig.MODEL.name(), id.toString()));
        return AGAIN + YamlText.of(told) + "\n# As usual:\n" + YamlText.of(usual);
    }

    /**
     * What a person chose.
     *
     * @param above lines of comment
     * @param told what was chosen; the rest is as usual
     */
    public static String of(List<String> above, Settings told) {
        StringBuilder text = new StringBuilder();
        above.forEach(line -> text.append("# ").append(line).append('\n'));
        return text.append('\n').append(YamlText.of(told.toJson())).toString();
    }

    private static Object json(Settings settings, Option<?> option, Map<String, Object> json) {
        return settings.find(option).orElseThrow() instanceof Path path
                ? path.toAbsolutePath().normalize().toString()
                : json.get(option.name());
    }
}
