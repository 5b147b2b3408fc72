package io.millrace.executor.adapter;

import io.millrace.model.adapter.AdapterSettings;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Settings;
import java.util.Optional;

/**
 * A kind of adapter, and the options that it goes by. Another jar on the class path may bring one
 * as a service.
 */
public interface AdapterKind extends Kind<AdapterSettings> {
    /** What it is called in a sentence, such as {@code a LoRA}. */
    String title();

    /**
     * The values of its options by which {@link #make} gives an adapter that is there; empty where
     * that is of another kind, or a run cannot begin with one.
     */
    default Optional<Settings> told(AdapterSettings own) {
        return Optional.empty();
    }
}
