package io.millrace.memory.cuda;

import java.util.Optional;

/**
 * NVML's facts of a card, or why there are none.
 *
 * @param facts empty where NVML does not answer
 * @param refusal why it does not; empty text where it does
 */
public record NvmlAnswer(Optional<NvmlFacts> facts, String refusal) {
    static NvmlAnswer of(NvmlFacts facts) {
        return new NvmlAnswer(Optional.of(facts), "");
    }

    static NvmlAnswer refused(String why) {
        return new NvmlAnswer(Optional.empty(), why);
    }
}
