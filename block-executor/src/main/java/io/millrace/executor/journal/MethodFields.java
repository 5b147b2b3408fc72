package io.millrace.executor.journal;

import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.step.RunLayout;
import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.mask.MaskFile;
import io.millrace.optim.mask.MaskRule;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.update.UpdateRule;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads what a journal's header says of its run's methods: their names and their options. */
final class MethodFields {
    private final Path journal;
    private final JsonObject fields;
    private final long runSeed;

    /** Those of a header; the file is for messages. */
    MethodFields(Path journal, JournalHeader header) {
        this.journal = journal;
        fields = header.fields();
        runSeed = header.runSeed();
    }

    Direction direction() {
        return make(Directions.KINDS);
    }

    /**
     * The rule, before its first step.
     *
     * @throws BadInputException where its steps cannot be made again of what a journal has
     */
    UpdateRule rule() {
        UpdateRule rule = make(Optimizers.KINDS);
        if (rule instanceof GradientRule) {
            throw new BadInputException(
                    journal.toString(),
                    "is of a run with " + rule.name() + ", whose steps need the gradient",
                    "take the model that the run saved, or one of its checkpoints");
        }
        return rule;
    }

    Participation participation() {
        return make(Participations.KINDS);
    }

    /** Of a mask by a file, it is the copy beside the journal that counts. */
    MaskRule mask() {
        String field = Masks.FILE.field();
        if (!fields.has(field)) {
            return make(Masks.KINDS);
        }
        Path copy = MaskFile.copy(journal);
        if (!Files.isRegularFile(copy)) {
            throw new BadInputException(
                    copy.toString(),
                    "there is no such file, and the mask of " + journal + " goes by it",
                    "put the --mask-file of the run there");
        }
        String is = MaskFile.fingerprint(copy);
        if (!is.equals(fields.raw(field))) {
            throw new BadInputException(
                    journal.toString(),
                    "field '" + field + "' is " + fields.raw(field) + ", and " + copy + " is " + is,
                    "put the --mask-file of the run there");
        }
        return Masks.KINDS.make(
                with(Settings.NONE, Masks.KINDS.naming()).with(Masks.FILE, copy), runSeed);
    }

    private TrainedTensors trained() {
        Settings values = with(Settings.NONE, TrainedTensors.TUNE);
        for (Option<?> option : TrainedTensors.options(values)) {
            values = with(values, option);
        }
        return new TrainedTensors(values);
    }

    /**
     * What the run tuned.
     *
     * @param base the checkpoint that it began from
     * @param layout of the base's weights as the run stored them
     */
    RunLayout tuned(Checkpoint base, ModelLayout layout) {
        return RunLayout.rebuilt(
                RunLayout.Base.of(base, layout), trained(), rule(), participation(), direction());
    }

    private <T> T make(Kinds<T> kinds) {
        Settings values = with(Settings.NONE, kinds.naming());
        for (Option<?> option : kinds.of(values).options()) {
            values = with(values, option);
        }
        return kinds.make(values, runSeed);
    }

    /** What a header does not say is as usual. */
    private <T> Settings with(Settings values, Option<T> option) {
        if (!fields.has(option.field())) {
            return values;
        }
        String place = journal + ", line 1: field '" + option.field() + "'";
        T said;
        try {
            said = option.type().read().apply(fields.raw(option.field()));
        } catch (IllegalArgumentException e) {
            throw new BadInputException(place, e.getMessage(), "restore the file from a copy");
        }
        return values.with(option, said, place);
    }
}
