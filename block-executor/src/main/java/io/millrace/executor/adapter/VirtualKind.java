package io.millrace.executor.adapter;

import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.VirtualSettings;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Optional;

/**
 * Virtual tokens before every text: {@code --tune prompt}, {@code --tune prefix}.
 *
 * @param name the name
 * @param title what it is called in a sentence
 * @param type what of a virtual token is trained
 * @param tokens the option that says how many there are
 */
public record VirtualKind(
        String name, String title, VirtualSettings.Type type, Option<Integer> tokens)
        implements AdapterKind {
    /** Trained embeddings. */
    public static final VirtualKind PROMPT =
            new VirtualKind(
                    "prompt",
                    "a prompt",
                    VirtualSettings.Type.PROMPT_TUNING,
                    tokens("prompt-tokens", 20, "embeddings of so many virtual tokens"));

    /** Trained keys and values. */
    public static final VirtualKind PREFIX =
            new VirtualKind(
                    "prefix",
                    "a prefix",
                    VirtualSettings.Type.PREFIX_TUNING,
                    tokens("prefix-tokens", 5, "keys and values of so many virtual tokens"));

    private static Option<Integer> tokens(String option, int usual, String what) {
        String tune = option.substring(0, option.indexOf('-'));
        return Option.named(option, OptionTypes.INTEGER)
                .label("M")
                .help("--tune " + tune + " trains " + what + " before every text.")
                .usual(usual)
                .limit(Limit.atLeast(1))
                .decidesBytes()
                .build();
    }

    @Override
    public List<Option<?>> options() {
        return List.of(tokens);
    }

    @Override
    public AdapterSettings make(Settings values, long runSeed) {
        return new VirtualSettings(type, values.get(tokens), tokens.spelled());
    }

    @Override
    public Optional<Settings> told(AdapterSettings own) {
        return own instanceof VirtualSettings virtual && virtual.type() == type
                ? Optional.of(Settings.NONE.with(tokens, virtual.tokens()))
                : Optional.empty();
    }
}
