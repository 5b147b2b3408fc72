package io.millrace.executor;

import io.millrace.executor.config.GenerateConfig;
import io.millrace.optim.random.SplitMix64;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.IntStream;

/** Which token comes next. */
interface TokenChoice {
    /** The logit of an id. */
    @FunctionalInterface
    interface Logits {
        /** The logit of an id of the vocabulary. */
        float of(int id);
    }

    /**
     * The next token.
     *
     * @param vocabSize ids that there are
     * @param logits of each
     */
    int of(int vocabSize, Logits logits);

    /** The likeliest token, or one that is drawn. */
    static TokenChoice of(Optional<GenerateConfig.Sampling> sampling) {
        return sampling.<TokenChoice>map(Drawn::new).orElse(TokenChoice::likeliest);
    }

    /** The first of the largest logits. */
    static int likeliest(int vocabSize, Logits logits) {
        int best = 0;
        for (int id = 1; id < vocabSize; id++) {
            if (logits.of(id) > logits.of(best)) {
                best = id;
            }
        }
        return best;
    }

    /**
     * A token drawn as transformers' samplers do: temperature, then top-k, then top-p. Draw n is
     * the n-th output of splitmix64 from the seed.
     */
    final class Drawn implements TokenChoice {
        private static final double TO_UNIT = 0x1.0p-53;

        private final GenerateConfig.Sampling sampling;
        private long draws;

        private Drawn(GenerateConfig.Sampling sampling) {
            this.sampling = sampling;
        }

        @Override
        public int of(int vocabSize, Logits logits) {
            Integer[] ids =
                    IntStream.range(0, vocabSize)
                            .filter(id -> !Float.isNaN(logits.of(id)))
                            .boxed()
                            .toArray(Integer[]::new);
            // Stable: of equals the lower id comes first.
            Arrays.sort(ids, Comparator.comparingDouble((Integer id) -> -logits.of(id)));
            int kept = Math.min(ids.length, sampling.topK());
            if (kept == 0) {
                return 0;
            }
            double[] shares = new double[kept];
            double greatest = logits.of(ids[0]);
            double sum = 0;
            for (int i = 0; i < kept; i++) {
                shares[i] = Math.exp((logits.of(ids[i]) - greatest) / sampling.temperature());
                sum += shares[i];
            }
            double within = 0;
            int most = 0;
            // The token that reaches the share is within it.
            while (most < kept && within < sampling.topP() * sum) {
                within += shares[most++];
            }
            double at = (SplitMix64.output(sampling.seed(), ++draws) >>> 11) * TO_UNIT * within;
            int place = 0;
            while (place < most - 1 && at >= shares[place]) {
                at -= shares[place++];
            }
            return ids[place];
        }
    }
}
