package io.millrace.model.quantize;

import java.util.List;
import java.util.Optional;

/** The forms there are. */
public final class QuantForms {
    /** All of them. */
    public static final List<QuantForm> ALL =
            List.of(new GptqForm(4), new GptqForm(8), new NormalFloatForm(), new BlockFloat8Form());

    private QuantForms() {}

    /** The form of a name. */
    public static Optional<QuantForm> find(String name) {
        return ALL.stream().filter(form -> form.name().equals(name)).findFirst();
    }

    /** Their names. */
    public static List<String> names() {
        return ALL.stream().map(QuantForm::name).toList();
    }
}
