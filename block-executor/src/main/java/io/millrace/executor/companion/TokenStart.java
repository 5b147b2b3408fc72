package io.millrace.executor.companion;

import io.millrace.model.Checkpoint;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.StreamIds;
import java.util.Map;
import java.util.Optional;

/**
 * What a base has of tokens that a run's seed draws, uniformly of its vocabulary: a function of
 * base and seed alone, on any machine. It is made when it is first asked for.
 */
public final class TokenStart implements DrawnTokens {
    private static final int WORDS = 4;
    private static final int WORD_BITS = 32;

    private final Checkpoint base;
    private final ModelProgram program;
    private final long runSeed;
    private Optional<Map<String, float[]>> made = Optional.empty();

    /**
     * The tokens of a run.
     *
     * @param base open while they are asked for
     * @param program the base's, with the adapter
     * @param runSeed the run's seed
     */
    public TokenStart(Checkpoint base, ModelProgram program, long runSeed) {
        this.base = base;
        this.program = program;
        this.runSeed = runSeed;
    }

    /** The ids of the tokens. */
    public int[] ids() {
        int[] ids = new int[program.virtualTokens()];
        int[] words = new int[WORDS];
        for (int token = 0; token < ids.length; token++) {
            if (token % WORDS == 0) {
                Philox4x32.block(runSeed, token / WORDS, 0, StreamIds.ADAPTER_TOKENS, words);
            }
            long word = Integer.toUnsignedLong(words[token % WORDS]);
            ids[token] = (int) ((word * program.vocabSize()) >>> WORD_BITS);
        }
        return ids;
    }

    @Override
    public float[] rows(String tensor) {
        Map<String, float[]> rows =
                made.orElseGet(() -> new TokenForward(base, program, ids()).run());
        made = Optional.of(rows);
        return rows.get(tensor).clone();
    }
}
