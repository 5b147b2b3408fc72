package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.LoraSettings;
import io.millrace.model.adapter.LoraTarget;
import io.millrace.model.adapter.peft.AdapterPart;
import io.millrace.model.adapter.peft.LoraAdapter;
import io.millrace.optim.mask.MaskFile;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A LoRA that a run begins with, in the place of fresh factors: what {@code --lora-rank} and its
 * siblings would say is what the folder has.
 */
public final class BegunAdapter {
    /** The folder; a journal has a fingerprint of its factors. */
    public static final Option<Path> ADAPTER =
            Option.named("adapter", OptionTypes.PATH)
                    .label("DIR")
                    .help(
                            "Begin with this LoRA, of PEFT or an earlier run, in the place of fresh"
                                    + " factors; rank, alpha and targets are its own.")
                    .decidesBytes("adapter", BegunAdapter::fingerprint)
                    .build();

    private static final String MAGNITUDE = "magnitude";
    private static final double USUAL_ALPHA = 8;
    private static final String MERGE =
            "make a model of both with millrace merge, and tune on from it";

    private BegunAdapter() {}

    /** What tells the factors of a folder from others. */
    public static String fingerprint(Path folder) {
        return MaskFile.fingerprint(folder.resolve(AdapterWriter.WEIGHTS));
    }

    /**
     * Completes what was told by what the folder has.
     *
     * @throws BadInputException where it is no LoRA that a run can begin with, or something else
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
                told.get(TrainedTensors.TUNE).equals(TrainedTensors.LORA)
                        || !told.has(TrainedTensors.TUNE),
                TrainedTensors.TUNE,
                "'" + told.get(TrainedTensors.TUNE) + "' is not what --adapter begins with",
                "give --tune lora, or leave it out");
        Check.that(
                !told.get(Masks.KINDS.naming()).equals(MAGNITUDE),
                Masks.KINDS.naming(),
                "magnitudes are those of fresh factors",
                "give another, or leave --adapter out");
        LoraSettings own = read(told.get(ADAPTER), told.get(TuneConfig.MODEL));
        Settings all = told.with(TrainedTensors.TUNE, TrainedTensors.LORA);
        all = with(all, LoraOptions.RANK, own.rank());
        all = with(all, LoraOptions.ALPHA, own.alpha());
        all = with(all, LoraOptions.RSLORA, own.rslora());
        return with(all, LoraOptions.TARGETS, own.targets());
    }

    private static <T> Settings with(Settings told, Option<T> option, T own) {
        Check.that(
                !told.has(option) || told.get(option).equals(own),
                option,
                told.get(option) + " is not what the LoRA of --adapter has, " + own,
                "leave it out");
        return told.with(option, own);
    }

    private static LoraSettings read(Path folder, Path model) {
        try (Checkpoint base = Checkpoint.open(model);
                LoraAdapter adapter = LoraAdapter.open(folder, base)) {
            JsonObject config =
                    Json.parseObject(Files.readString(folder.resolve(AdapterWriter.CONFIG)));
            List<AdapterPart> parts = adapter.parts();
            LoraSettings settings =
                    new LoraSettings(
                            parts.getFirst().part().rank(),
                            config.number("lora_alpha", USUAL_ALPHA),
                            config.bool("use_rslora", false),
                            parts.stream().map(part -> part.part().target().module()).toList());
            for (AdapterPart part : parts) {
                requireAlike(folder, part, settings);
            }
            return settings;
        } catch (IOException | JsonFormatException e) {
            throw new BadInputException(
                    folder.toString(), "cannot be read (" + e.getMessage() + ")", "check the path");
        }
    }

    private static void requireAlike(Path folder, AdapterPart part, LoraSettings settings) {
        String module = part.part().target().module();
        if (part.part().target().kind() == LoraTarget.Kind.TABLE) {
            throw new BadInputException(
                    folder.toString(),
                    "has factors beside '" + module + "', which is no product within a layer",
                    MERGE);
        }
        if (part.part().rank() != settings.rank() || (float) part.scale() != settings.scale()) {
            throw new BadInputException(
                    folder.toString(),
                    "has another rank or scale at '" + module + "', and a run trains one of each",
                    MERGE);
        }
    }
}
