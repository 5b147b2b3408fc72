package io.millrace.executor.adapter;

import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.List;

/** Options that say which modules of a model something stands beside. */
final class ModuleTargets {
    private ModuleTargets() {}

    /**
     * Such an option.
     *
     * @param what stands beside them, with its verb, as the help has it
     * @param usual names where none are given
     */
    static Option<List<String>> option(String name, String what, List<String> usual) {
        return Option.named(name, OptionTypes.WORDS)
                .label("A,B")
                .help(
                        "Modules that "
                                + what
                                + " beside, by the ends of their paths, or all-linear: all products"
                                + " but the output head's.")
                .usual(usual)
                .usually(String.join(",", usual))
                .limit(
                        new Limit<>(
                                names -> names.stream().noneMatch(String::isBlank),
                                names -> "a name among " + names + " is empty",
                                "give names with commas between them"))
                .decidesBytes()
                .build();
    }
}
