package io.millrace.executor.journal;

import io.millrace.memory.BadInputException;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * An adapter to make of a run.
 *
 * @param base the folder that the run began from
 * @param journal the run's {@code journal.jsonl}
 * @param out the folder to write
 * @param rank the most that a matrix gets; empty for all that its change has
 * @param dropVectors whether changes of tensors that are no matrices may be left out
 */
public record AdapterRequest(
        Path base, Path journal, Path out, OptionalInt rank, boolean dropVectors) {
    /** Checks the rank. */
    public AdapterRequest {
        if (rank.isPresent() && rank.getAsInt() < 1) {
            throw new BadInputException(
                    "--rank", rank.getAsInt() + " is below 1", "give 1 or more, or leave it out");
        }
    }

    /** What a matrix gets whose change is of a rank; its sides bound what it can have. */
    int rank(int whole, long shorterSide) {
        return rank.isPresent()
                ? (int) Math.min(Math.min(whole, rank.getAsInt()), shorterSide)
                : whole;
    }
}
