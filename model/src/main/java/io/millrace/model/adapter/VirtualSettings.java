package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.ModelProgram;

/**
 * Virtual tokens before every sequence: embeddings (prompt tuning, arXiv 2104.08691), or keys and
 * values of every layer (prefix tuning, arXiv 2101.00190).
 *
 * @param type which of the two
 * @param tokens how many
 * @param option that says how many, for messages
 */
public record VirtualSettings(Type type, int tokens, String option) implements AdapterSettings {
    /** What of a virtual token is trained; by the names of PEFT. */
    public enum Type {
        /** Its embedding. */
        PROMPT_TUNING,
        /** Its key and its value in every layer. */
        PREFIX_TUNING
    }

    @Override
    public Adapter of(ModelProgram stored, ModelProgram published) {
        if (AdapterFields.task(stored).isEmpty()) {
            throw new BadInputException(
                    option,
                    "PEFT has no virtual tokens for a " + stored.modelType() + " of this kind",
                    "give --tune lora or ia3, or tune the model itself");
        }
        if (tokens >= stored.maxPositions()) {
            throw new BadInputException(
                    option,
                    tokens + " leave no position of " + stored.maxPositions() + " to a text",
                    "give fewer");
        }
        return type == Type.PROMPT_TUNING ? new Prompt(stored, tokens) : new Prefix(stored, tokens);
    }
}
