package io.millrace.executor.config;

import io.millrace.executor.adapter.AdapterKinds;
import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.peft.StoredAdapter;
import io.millrace.model.adapter.peft.StoredAdapters;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.direction.SingularDirection;
import io.millrace.optim.mask.MaskFile;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;

/**
 * An adapter that a run begins with, in the place of a fresh one: what {@code --lora-rank} or
 * another option of its kind would say is what the folder has.
 */
public final class BegunAdapter {
    /** The folder; a journal has a fingerprint of its factors. */
    public static final Option<Path> ADAPTER =
            Option.named("adapter", OptionTypes.PATH)
                    .label("DIR")
                    .help(
                            "Begin with this adapter, of PEFT or an earlier run, in the place of a"
                                    + " fresh one; its kind, and what that goes by, are its own.")
                    .decidesBytes("adapter", BegunAdapter::fingerprint)
                    .build();

    private static final String MAGNITUDE = "magnitude";

    private BegunAdapter() {}

    /** What tells the factors of a folder from others. */
    public static String fingerprint(Path folder) {
        return MaskFile.fingerprint(StoredAdapters.weights(folder));
    }

    /**
     * Completes what was told by what the folder has.
     *
     * @throws BadInputException where it is no adapter that a run can begin with, or something else
     *     was told
     */
    static Settings resolve(Settings told) {
        if (!told.has(ADAPTER)) {
            return told;
        }
        Check.that(
                told.has(TuneConfig.MODEL),
                ADAPTER,
                "is of a model's folder, and none is given",
                "give --model, or leave it out");
        Check.that(
                !told.get(Masks.KINDS.naming()).equals(MAGNITUDE),
                Masks.KINDS.naming(),
                "magnitudes are those of fresh factors",
                "give another, or leave --adapter out");
        Check.that(
                !told.get(Directions.KINDS.naming()).equals(SingularDirection.NAME),
                Directions.KINDS.naming(),
                "singular vectors are those of fresh factors",
                "give another, or leave --adapter out");
        Settings own = read(told.get(ADAPTER), told.get(TuneConfig.MODEL));
        Check.that(
                !told.has(TrainedTensors.TUNE)
                        || told.get(TrainedTensors.TUNE).equals(own.get(TrainedTensors.TUNE)),
                TrainedTensors.TUNE,
                "'" + told.get(TrainedTensors.TUNE) + "' is not what --adapter begins with",
                "give --tune " + own.get(TrainedTensors.TUNE) + ", or leave it out");
        Settings all = told;
        for (Option<?> option : own.options()) {
            all = with(all, option, own);
        }
        return all;
    }

    private static <T> Settings with(Settings told, Option<T> option, Settings own) {
        Check.that(
                !told.has(option) || told.get(option).equals(own.get(option)),
                option,
                told.get(option) + " is not what the adapter of --adapter has, " + own.get(option),
                "leave it out");
        return told.with(option, own.get(option));
    }

    private static Settings read(Path folder, Path model) {
        try (Checkpoint base = Checkpoint.open(model);
                StoredAdapter adapter = StoredAdapters.open(folder, base)) {
            return AdapterKinds.told(adapter.settings(), TrainedTensors.TUNE)
                    .orElseThrow(() ->
                            new BadInputException(
                                    folder.toString(),
                                    "is of a kind that no run begins with",
                                    "leave " + ADAPTER.spelled() + " out"));
        }
    }
}
