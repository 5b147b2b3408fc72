package io.millrace.executor.journal;

import io.millrace.memory.BadInputException;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.DirectionOptions;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.update.Optimizers;
import io.millrace.optim.update.UpdateRule;
import java.nio.file.Path;

/** Reads what a journal's header says of its run's direction and update rule beside their names. */
final class DirectionFields {
    private DirectionFields() {}

    static Direction direction(Path journal, JournalHeader header) {
        int rank = count(journal, header, "rank", DirectionOptions.DEFAULT_RANK);
        int window = count(journal, header, "window", DirectionOptions.DEFAULT_WINDOW);
        DirectionOptions options = new DirectionOptions(header.runSeed(), rank, window);
        return Directions.named(header.direction(), options);
    }

    static UpdateRule rule(Path journal, JournalHeader header) {
        Object beta = header.extra().getOrDefault("beta", Optimizers.DEFAULT_BETA);
        if (beta instanceof Number number
                && number.doubleValue() >= 0
                && number.doubleValue() < 1) {
            return Optimizers.named(header.optimizer(), number.doubleValue());
        }
        throw wrong(journal, "beta", beta);
    }

    private static int count(Path journal, JournalHeader header, String field, int otherwise) {
        Object value = header.extra().getOrDefault(field, otherwise);
        if (value instanceof Number number
                && number.intValue() == number.doubleValue()
                && number.intValue() >= 1) {
            return number.intValue();
        }
        throw wrong(journal, field, value);
    }

    private static BadInputException wrong(Path journal, String field, Object value) {
        return new BadInputException(
                journal + ", line 1",
                "field '" + field + "' is " + value,
                "restore the file from a copy");
    }
}
