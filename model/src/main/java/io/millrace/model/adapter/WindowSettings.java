package io.millrace.model.adapter;

import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.SideSpec;
import java.util.List;

/**
 * Windows of low-rank directions kept beside a model: a LoRA whose rank is that of all windows
 * together, of which the first factor is drawn and the second trained, a window after another.
 *
 * @param windows rank and steps of each
 * @param count how many there are
 * @param targets modules by the ends of their paths, or {@link LoraSettings#ALL_LINEAR} alone
 */
public record WindowSettings(SideSpec.Windows windows, int count, List<String> targets)
        implements AdapterSettings {
    /** What its options begin with. */
    static final String OPTIONS = "--windows";

    /** Freezes the list. */
    public WindowSettings {
        targets = List.copyOf(targets);
    }

    /** The LoRA that all of them are: {@code 1 / √r} scales each. */
    LoraSettings lora() {
        int rank = windows.rank() * count;
        return new LoraSettings(rank, rank / Math.sqrt(windows.rank()), false, targets);
    }

    @Override
    public Adapter of(ModelProgram stored, ModelProgram published) {
        return Lora.windows(stored, published, this);
    }
}
