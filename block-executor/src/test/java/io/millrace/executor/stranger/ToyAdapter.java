package io.millrace.executor.stranger;

import io.millrace.executor.adapter.AdapterKind;
import io.millrace.model.adapter.AdapterSettings;
import io.millrace.model.adapter.Ia3Settings;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/** Scales on what a module of a stranger's choice makes. */
public final class ToyAdapter implements AdapterKind {
    static final Option<String> MODULE =
            Option.named("toy-module", OptionTypes.TEXT)
                    .label("NAME")
                    .help("Which module the toy scales.")
                    .usual("o_proj")
                    .limit(new Limit<>(name -> !name.isBlank(), _ -> "is blank", "give a name"))
                    .decidesBytes()
                    .build();

    @Override
    public String name() {
        return "toy-scales";
    }

    @Override
    public String title() {
        return "a toy";
    }

    @Override
    public List<Option<?>> options() {
        return List.of(MODULE);
    }

    @Override
    public AdapterSettings make(Settings values, long runSeed) {
        return new Ia3Settings(List.of(values.get(MODULE)), List.of("none"));
    }
}
