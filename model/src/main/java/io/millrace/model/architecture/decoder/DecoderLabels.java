package io.millrace.model.architecture.decoder;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.Answers;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A decoder that classifies texts, as the library's classes {@code …ForSequenceClassification} make
 * one of every family: a matrix without a bias in the place of the logits, at the last token.
 */
public final class DecoderLabels {
    private static final String SCORE = "score.weight";

    private DecoderLabels() {}

    /**
     * The model with that head where its weights have one, or where there are none and the
     * configuration asks for it; else the model as it is.
     */
    public static ModelProgram in(ModelProgram model, ModelConfig config, Set<String> names) {
        boolean asked = names.isEmpty() ? Labels.areAsked(config) : names.contains(SCORE);
        return asked && model.answers() == Answers.NEXT ? labelled(model, config) : model;
    }

    private static ModelProgram labelled(ModelProgram model, ModelConfig config) {
        BlockProgram head = model.head();
        List<Op> ops = new ArrayList<>(head.ops());
        ops.removeLast();
        // Factors on logits are no factors on these.
        ops.removeIf(Op.Times.class::isInstance);
        Value in = ops.getLast().makes().orElseThrow();
        LinearSpec score = new LinearSpec(SCORE, null, in.width(), Labels.count(config), false);
        ops.add(new Op.Score(score, 0, in));
        return new ModelProgram(
                model.modelType(),
                model.vocabSize(),
                model.hiddenSize(),
                model.maxPositions(),
                model.embedding(),
                model.layers(),
                new BlockProgram(head.name(), head.in(), ops),
                Answers.LAST);
    }
}
