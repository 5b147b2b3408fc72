package io.millrace.executor.quantize;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.memory.BadInputException;
import io.millrace.model.quantize.QuantForm;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model to quantise.
 *
 * @param model its folder
 * @param form of its matrices
 * @param group elements of a row that share a scale
 * @param out folder to write
 * @param calibration text that says what matrices are multiplied with; empty where each weight goes
 *     to the nearest code
 * @param eval text whose loss is computed before and after
 * @param task how lines of either become tokens
 * @param memory where bytes may be
 */
public record QuantizeConfig(
        Path model,
        QuantForm form,
        int group,
        Path out,
        Optional<Calibration> calibration,
        Optional<Path> eval,
        TaskConfig task,
        MemoryConfig memory) {
    /** Checks the group. */
    public QuantizeConfig {
        group(form, group);
    }

    /**
     * The elements of a row that share a scale.
     *
     * @param form of the matrices
     * @param told how many, or null where nothing was said
     * @throws BadInputException where that is no count
     */
    public static int group(QuantForm form, Integer told) {
        if (told == null) {
            return form.usualGroup();
        }
        if (told < 1) {
            throw new BadInputException("--group-size", "is " + told, "give 1 or more");
        }
        return told;
    }

    /**
     * Text to calibrate with.
     *
     * @param file the text
     * @param tokens of it, from its beginning: whole examples, as long as there are fewer
     */
    public record Calibration(Path file, int tokens) {
        /** Checks that there are some. */
        public Calibration {
            if (tokens < 1) {
                throw new BadInputException(
                        "--calibration-tokens", "is " + tokens, "give 1 or more");
            }
        }
    }
}
