package io.millrace.executor;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.Sequences;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.objective.LogitsSink;
import io.millrace.executor.place.ModelSession;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.executor.step.Variants;
import io.millrace.memory.BadInputException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.program.Answers;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.text.SpecialTokens;
import io.millrace.model.text.Tokenizer;
import io.millrace.optim.update.MezoSgd;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntPredicate;

/** Continues a prompt token by token. */
public final class Generation {
    private final ModelProgram program;
    private final Forward forward;
    private final UpdateLog updates = new UpdateLog(new MezoSgd());
    private final Floats logits;
    private final TokenChoice choice;

    private Generation(ModelProgram program, Forward forward, Floats logits, TokenChoice choice) {
        this.choice = choice;
        this.program = program;
        this.forward = forward;
        this.logits = logits;
    }

    /**
     * What was generated.
     *
     * @param promptIds the prompt's tokens, marks included
     * @param newIds the tokens added, without the end mark
     * @param text prompt and continuation, as text; of a conversation the answer alone
     */
    @SuppressWarnings("ArrayRecordComponent") // handed over to the caller
    public record Result(int[] promptIds, int[] newIds, String text) {}

    /**
     * Generates until an end mark, the number of tokens asked for, or the model's longest sequence.
     *
     * @throws BadInputException when the prompt does not fit the model
     */
    public static Result run(GenerateConfig config) {
        try (ModelSession session =
                        ModelSession.openWith(config.model(), config.adapter(), config.memory());
                Tokenizer tokenizer =
                        Tokenizer.of(config.model(), session.checkpoint().program().vocabSize())) {
            ModelProgram program = session.tuned().program();
            if (program.answers() != Answers.NEXT) {
                throw new BadInputException(
                        config.model().toString(),
                        "is no model that goes on with a text, but a " + program.modelType(),
                        "generate with a decoder, or ask this one by eval or forward");
            }
            int[] prompt = prompt(config, tokenizer);
            if (prompt.length >= program.maxPositions()) {
                throw new BadInputException(
                        "--prompt",
                        "has "
                                + prompt.length
                                + " tokens, and the model takes "
                                + program.maxPositions(),
                        "give a shorter prompt");
            }
            int longest =
                    (int)
                            Math.min(
                                    program.longestFrom(prompt.length),
                                    (long) prompt.length + config.writing().maxNewTokens());
            ScratchSize size = ScratchSize.continuation(prompt.length, longest);
            Forward forward = session.startPlain(size);
            try (HostSlab slab =
                    new HostMemory(session.ledger())
                            .allocate(
                                    "logits",
                                    MicroBatch.withSlack(1) * program.vocabSize() * Float.BYTES)) {
                Generation generation =
                        new Generation(
                                program,
                                forward,
                                new Floats(slab.segment(), 0),
                                TokenChoice.of(config.writing().sampling()));
                SpecialTokens special = tokenizer.special();
                // Some folders list marks beside the tokenizer's own: any of them is an end.
                IntPredicate ends =
                        id -> special.isStop(id) || special.eos().equals(OptionalInt.of(id));
                StopTexts stops = new StopTexts(config.writing().stops(), tokenizer);
                int[] ids = generation.continuePrompt(prompt, longest, ends, stops);
                int[] added = Arrays.copyOfRange(ids, prompt.length, ids.length);
                String text = tokenizer.decode(config.chat().isPresent() ? added : ids);
                return new Result(prompt, added, stops.cut(added, text));
            }
        }
    }

    private static int[] prompt(GenerateConfig config, Tokenizer tokenizer) {
        if (config.chat().isEmpty()) {
            return tokenizer.encodePrompt(config.prompt());
        }
        GenerateConfig.Turn turn = config.chat().get();
        List<String> turns = new ArrayList<>(turn.before());
        turns.add(config.prompt());
        String text = tokenizer.chat().prompt(turn.system(), turns);
        int[] ids = tokenizer.encodeMarked(text);
        if (ids.length == 0) {
            throw new BadInputException(
                    config.model().toString(),
                    "its chat template makes nothing of a message",
                    "give a template that takes one, or leave --chat out");
        }
        return ids;
    }

    private int[] continuePrompt(int[] prompt, int longest, IntPredicate ends, StopTexts stops) {
        int[] ids = Arrays.copyOf(prompt, longest);
        int known = 0;
        int length = prompt.length;
        while (length < longest) {
            int next = next(Arrays.copyOfRange(ids, known, length), known);
            if (ends.test(next)) {
                break;
            }
            known = length;
            ids[length++] = next;
            if (stops.isIn(ids, prompt.length, length)) {
                break;
            }
        }
        return Arrays.copyOf(ids, length);
    }

    private int next(int[] tokens, int past) {
        MicroBatch batch =
                new MicroBatch(
                        tokens,
                        Sequences.continued(past, tokens.length),
                        new int[] {tokens.length - 1},
                        new int[] {-1});
        forward.run(
                ForwardRequest.plain(List.of(batch), updates),
                new LogitsSink(new Variants(logits, 0, program.vocabSize()), 0));
        return choice.of(program.vocabSize(), this::logit);
    }

    private float logit(int id) {
        return logits.segment().getAtIndex(ValueLayout.JAVA_FLOAT, id);
    }
}
