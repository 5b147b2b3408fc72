package io.millrace.model.program;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A whole model: what each of its blocks computes. Tensors are named as the checkpoint names them.
 *
 * @param modelType the {@code model_type} of the configuration
 * @param vocabSize number of token ids
 * @param hiddenSize width of the residual stream
 * @param maxPositions the longest sequence the model may see, virtual tokens of an adapter apart
 * @param embedding what begins the stream
 * @param layers the blocks in order
 * @param head what makes logits of it; a {@link Op.Score} is its last operator
 * @param answers what its logits are of
 * @param panelRows rows of the vocabulary's tables that move together; 0 where their size decides
 */
public record ModelProgram(
        String modelType,
        int vocabSize,
        int hiddenSize,
        int maxPositions,
        BlockProgram embedding,
        List<BlockProgram> layers,
        BlockProgram head,
        Answers answers,
        int panelRows) {

    /** A model whose vocabulary moves as its size suggests. */
    public ModelProgram(
            String modelType,
            int vocabSize,
            int hiddenSize,
            int maxPositions,
            BlockProgram embedding,
            List<BlockProgram> layers,
            BlockProgram head,
            Answers answers) {
        this(modelType, vocabSize, hiddenSize, maxPositions, embedding, layers, head, answers, 0);
    }

    /** A model of what follows each token. */
    public ModelProgram(
            String modelType,
            int vocabSize,
            int hiddenSize,
            int maxPositions,
            BlockProgram embedding,
            List<BlockProgram> layers,
            BlockProgram head) {
        this(modelType, vocabSize, hiddenSize, maxPositions, embedding, layers, head, Answers.NEXT);
    }

    /**
     * Freezes the layers, and checks that each block takes the stream as the last one leaves it.
     */
    public ModelProgram {
        layers = List.copyOf(layers);
        requireStream(embedding, embedding.in().isEmpty(), hiddenSize);
        for (BlockProgram layer : layers) {
            requireStream(layer, layer.in().isPresent(), hiddenSize);
        }
        boolean scores = !head.ops().isEmpty() && head.ops().getLast() instanceof Op.Score;
        requireStream(head, scores && head.in().isPresent(), hiddenSize);
        if (keeps(embedding) || keeps(head)) {
            throw new IllegalArgumentException(modelType + " keeps values outside of its layers");
        }
        if (Stream.concat(Stream.of(embedding), layers.stream())
                        .flatMap(block -> block.ops().stream())
                        .anyMatch(Op.Score.class::isInstance)
                || head.ops().stream().filter(Op.Score.class::isInstance).count() > 1) {
            throw new IllegalArgumentException(modelType + " does not score once, at its end");
        }
    }

    /** Only layers keep values of earlier tokens. */
    private static boolean keeps(BlockProgram block) {
        return block.ops().stream()
                .flatMap(op -> op.makes().stream())
                .anyMatch(value -> value.memory() == Value.Memory.KEPT);
    }

    private static void requireStream(BlockProgram block, boolean begins, int width) {
        boolean fits =
                begins
                        && block.out().isPresent()
                        && Stream.concat(block.in().stream(), block.out().stream())
                                .allMatch(value -> value.width() == width);
        if (!fits) {
            throw new IllegalArgumentException(
                    block.name() + " does not go with a stream of width " + width);
        }
    }

    /** Every block in the order in which a step visits them. */
    public List<BlockProgram> blocks() {
        List<BlockProgram> blocks = new ArrayList<>(layers.size() + 2);
        blocks.add(embedding);
        blocks.addAll(layers);
        blocks.add(head);
        return blocks;
    }

    /** Every operator in order. */
    public Stream<Op> ops() {
        return blocks().stream().flatMap(block -> block.ops().stream());
    }

    /** Virtual tokens that an adapter has before each sequence; 0 in every published model. */
    public int virtualTokens() {
        return ops().filter(Op.Virtual.class::isInstance)
                .mapToInt(op -> ((Op.Virtual) op).tokens())
                .max()
                .orElse(0);
    }

    /**
     * The same model with operators of an adapter among its own.
     *
     * @param change what becomes of each block
     */
    public ModelProgram changed(UnaryOperator<BlockProgram> change) {
        return new ModelProgram(
                modelType,
                vocabSize,
                hiddenSize,
                maxPositions,
                change.apply(embedding),
                layers.stream().map(change).toList(),
                change.apply(head),
                answers,
                panelRows);
    }

    /**
     * The same model with virtual tokens of an adapter, which take positions of a text's.
     *
     * @param tokens how many
     * @param change what becomes of each block
     */
    public ModelProgram withVirtual(int tokens, UnaryOperator<BlockProgram> change) {
        ModelProgram changed = changed(change);
        return new ModelProgram(
                modelType,
                vocabSize,
                hiddenSize,
                maxPositions - tokens,
                changed.embedding,
                changed.layers,
                changed.head,
                answers,
                panelRows);
    }

    /** The same model whose vocabulary moves so many rows at a time. */
    public ModelProgram withPanels(int rows) {
        return new ModelProgram(
                modelType,
                vocabSize,
                hiddenSize,
                maxPositions,
                embedding,
                layers,
                head,
                answers,
                rows);
    }

    /** Logits of a row: as many as there are token ids, or labels. */
    public int logitCount() {
        return score().logits().outputs();
    }

    /** What makes the logits. */
    public Op.Score score() {
        return (Op.Score) head.ops().getLast();
    }

    /** The table of ids, where the output head is that: both are one tensor then. */
    public Optional<String> tied() {
        return embedding.ops().stream()
                .filter(Op.Lookup.class::isInstance)
                .map(op -> ((Op.Lookup) op).table().name())
                .filter(name -> name.equals(score().logits().weight()))
                .findFirst();
    }

    /** Whether the output head is a table of the embedding. */
    public boolean isTied() {
        return tied().isPresent();
    }
}
