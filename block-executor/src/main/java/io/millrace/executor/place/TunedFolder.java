package io.millrace.executor.place;

import io.millrace.executor.config.Seeds;
import io.millrace.executor.step.RunLayout;
import io.millrace.model.ApartWriter;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.TunedWriter;
import io.millrace.model.adapter.TrainedAdapterWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * What becomes of tuned blocks in files: a model with the base's names and shards, or the adapter
 * alone where the base was only read.
 *
 * @param base the checkpoint that was tuned; open while folders are written
 * @param tuned what was tuned
 * @param run which run did it
 */
public record TunedFolder(Checkpoint base, RunLayout tuned, Origin run) {
    /**
     * What tells later which run and which base an adapter is of.
     *
     * @param base fingerprint of the base's weights
     * @param run the journal's identity
     */
    public record Origin(String base, long run) {
        private Map<String, String> notes(long step) {
            // In an order of its own: Map.of has another in every process, and files would, too.
            return new TreeMap<>(
                    Map.of(
                            "millrace_base", base,
                            "millrace_run", Seeds.format(run),
                            "millrace_steps", Long.toString(step)));
        }
    }

    /** Bytes of weights that the folder of a result has. */
    public static long resultBytes(ModelLayout layout) {
        return (layout.ownsBeside() ? layout : layout.tuned()).weightBytes();
    }

    /**
     * Begins the folder that a run ends with.
     *
     * @param folder made where it does not exist
     * @param step the last that it will hold
     */
    public TunedWriter result(Path folder, long step) {
        return writer(folder, step, false);
    }

    /** Begins one that a run goes on from: it has the states of the update rule, too. */
    public TunedWriter checkpoint(Path folder, long step) {
        return writer(folder, step, true);
    }

    private TunedWriter writer(Path folder, long step, boolean states) {
        ModelLayout layout = tuned.layout();
        if (layout.ownsBeside()) {
            return states
                    ? ApartWriter.checkpoint(layout.tuned(), folder)
                    : ApartWriter.model(base, layout, folder);
        }
        if (tuned.adapter().isEmpty()) {
            return states
                    ? CheckpointWriter.createWithStates(base, layout, folder)
                    : CheckpointWriter.create(base, layout, folder);
        }
        return TrainedAdapterWriter.create(
                folder,
                layout.tuned(),
                tuned.adapter().get(),
                base.directory().toString(),
                run.notes(step),
                states);
    }
}
