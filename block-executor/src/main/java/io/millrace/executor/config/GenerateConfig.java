package io.millrace.executor.config;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Limit;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * One continuation of a prompt.
 *
 * @param model Hugging Face folder
 * @param prompt text to continue, or what is said to the model
 * @param chat how the prompt is a turn of a conversation, if it is
 * @param writing how tokens are chosen, and what ends them
 * @param memory where the bytes may be
 * @param adapter folder of an adapter beside the model, if there is one
 */
public record GenerateConfig(
        Path model,
        String prompt,
        Optional<Turn> chat,
        Writing writing,
        MemoryConfig memory,
        Optional<Path> adapter) {
    private static final Limit<Number> MOST = Limit.atLeast(1);

    /**
     * A turn of a conversation, as the model's chat template writes it.
     *
     * @param system what the model is told before it, if anything
     * @param before what the user and the model said before, by turns
     */
    public record Turn(Optional<String> system, List<String> before) {
        /** Freezes what was said. */
        public Turn {
            before = List.copyOf(before);
        }
    }

    /**
     * How an answer is written.
     *
     * @param maxNewTokens most tokens to add
     * @param sampling how they are drawn; the likeliest each where empty
     * @param stops texts that end the answer and are no part of it
     */
    public record Writing(int maxNewTokens, Optional<Sampling> sampling, List<String> stops) {
        /** Checks the number. */
        public Writing {
            MOST.require(maxNewTokens, "--max-new-tokens");
            stops = List.copyOf(stops);
            if (stops.contains("")) {
                throw new BadInputException("--stop", "is empty", "give some text");
            }
        }

        /** The likeliest tokens, until an end mark. */
        public static Writing greedy(int maxNewTokens) {
            return new Writing(maxNewTokens, Optional.empty(), List.of());
        }
    }

    /**
     * How tokens are drawn: of the likeliest {@code topK}, of these the likeliest that together
     * have {@code topP}, each as likely as the model says once its logits are over the temperature.
     *
     * @param temperature above 0
     * @param topK at least 1; all where it is the vocabulary or more
     * @param topP above 0 and at most 1
     * @param seed of the draws
     */
    public record Sampling(double temperature, int topK, double topP, long seed) {
        /** Checks every number. */
        public Sampling {
            if (!(temperature > 0 && Double.isFinite(temperature))) {
                throw new BadInputException(
                        "--temperature",
                        "is " + temperature,
                        "give a number above 0, or leave it out for the likeliest tokens");
            }
            MOST.require(topK, "--top-k");
            if (!(topP > 0 && topP <= 1)) {
                throw new BadInputException(
                        "--top-p", "is " + topP, "give a number above 0 and at most 1");
            }
        }
    }

    /** By a model by itself, of text as it is. */
    public GenerateConfig(Path model, String prompt, int maxNewTokens, MemoryConfig memory) {
        this(
                model,
                prompt,
                Optional.empty(),
                Writing.greedy(maxNewTokens),
                memory,
                Optional.empty());
    }
}
