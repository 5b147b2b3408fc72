package io.millrace.executor.search;

import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.memory.BadInputException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A count of the outliers in each layer of a model.
 *
 * @param model Hugging Face folder
 * @param out the file to write
 * @param times how many times its layer's mean an outlier exceeds
 * @param text whose inputs count; empty where weights count alone
 * @param task how lines of it become tokens
 * @param memory where bytes may be
 */
public record OutlierConfig(
        Path model,
        Path out,
        double times,
        Optional<Text> text,
        TaskConfig task,
        MemoryConfig memory) {
    /**
     * Text that runs through the model.
     *
     * @param file the text
     * @param tokens of it, from its beginning: whole examples, as long as there are fewer
     */
    public record Text(Path file, int tokens) {
        /** Checks that there are some. */
        public Text {
            if (tokens < 1) {
                throw new BadInputException("--tokens", "is " + tokens, "give 1 or more");
            }
        }
    }

    /** Checks the number and the file. */
    public OutlierConfig {
        if (!(times > 0 && Double.isFinite(times))) {
            throw new BadInputException("--times", "is " + times, "give a number above 0");
        }
        GivenPaths.requireWritableFile("--out", out);
    }
}
