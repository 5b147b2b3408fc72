package io.millrace.executor.adapter;

import io.millrace.model.adapter.AdapterSettings;
import io.millrace.optim.option.Kind;

/**
 * A kind of adapter, and the options that it goes by. Another jar on the class path may bring one
 * as a service.
 */
public interface AdapterKind extends Kind<AdapterSettings> {
    /** What it is called in a sentence, such as {@code a LoRA}. */
    String title();
}
