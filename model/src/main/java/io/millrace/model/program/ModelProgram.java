package io.millrace.model.program;

import io.millrace.model.spec.RopeSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A whole model: what each of its blocks computes. Tensors are named as the checkpoint names them.
 *
 * @param modelType the {@code model_type} of the configuration
 * @param vocabulary the token ids
 * @param hiddenSize width of the residual stream
 * @param maxPositions the longest sequence the model may see, virtual tokens of an adapter apart
 * @param embedding what begins the stream
 * @param layers the blocks in order
 * @param head what makes logits of it; a {@link Op.Score} is its last operator
 * @param answers what its logits are of
 */
public record ModelProgram(
        String modelType,
        Vocabulary vocabulary,
        int hiddenSize,
        int maxPositions,
        BlockProgram embedding,
        List<BlockProgram> layers,
        BlockProgram head,
        Answers answers) {

    /**
     * The token ids of a model.
     *
     * @param size how many there are
     * @param panelRows rows of their tables that move together; 0 where their size decides
     */
    public record Vocabulary(int size, int panelRows) {}

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
        this(
                modelType,
                new Vocabulary(vocabSize, 0),
                hiddenSize,
                maxPositions,
                embedding,
                layers,
                head,
                answers);
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
        requireCarried(embedding, layers, head);
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

    /** The embedding makes one such value, or none, and others read that alone. */
    private static void requireCarried(
            BlockProgram embedding, List<BlockProgram> layers, BlockProgram head) {
        List<Value> made = carried(embedding).toList();
        boolean known =
                Stream.concat(layers.stream(), Stream.of(head))
                        .flatMap(block -> block.ops().stream())
                        .flatMap(op -> Stream.concat(op.reads().stream(), op.makes().stream()))
                        .filter(BlockProgram::isCarried)
                        .allMatch(made::contains);
        if (made.size() > 1
                || !known
                || layers.stream().flatMap(ModelProgram::carried).count() > 0) {
            throw new IllegalArgumentException(
                    "the embedding carries " + made + ", and others something else");
        }
    }

    private static Stream<Value> carried(BlockProgram block) {
        return block.ops().stream()
                .flatMap(op -> op.makes().stream())
                .filter(BlockProgram::isCarried);
    }

    /** What the embedding makes of a table once for all layers, if anything. */
    public Optional<Value> carried() {
        return carried(embedding).findFirst();
    }

    /** Rows of that table; 0 without one. */
    public int tableRows() {
        return embedding.ops().stream()
                .filter(op -> op instanceof Op.Lookup look && look.index() == Op.Index.ROW)
                .mapToInt(op -> ((Op.Lookup) op).table().rows())
                .max()
                .orElse(0);
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

    /** Number of token ids. */
    public int vocabSize() {
        return vocabulary.size();
    }

    /** Rows of the vocabulary's tables that move together; 0 where their size decides. */
    public int panelRows() {
        return vocabulary.panelRows();
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

    /**
     * How long a text may become that is gone on with from so many tokens: what is kept of them was
     * turned by angles that longer ones may not have.
     */
    public int longestFrom(int tokens) {
        return ops().filter(Op.Rotate.class::isInstance)
                .flatMap(op -> ((Op.Rotate) op).rope().beyond().stream())
                .mapToInt(RopeSpec.Beyond::length)
                .map(length -> length - virtualTokens())
                .filter(length -> tokens <= length)
                .reduce(maxPositions, Math::min);
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
                vocabulary,
                hiddenSize,
                maxPositions,
                change.apply(embedding),
                layers.stream().map(change).toList(),
                change.apply(head),
                answers);
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
                vocabulary,
                hiddenSize,
                maxPositions - tokens,
                changed.embedding,
                changed.layers,
                changed.head,
                answers);
    }

    /** The same model whose vocabulary moves so many rows at a time. */
    public ModelProgram withPanels(int rows) {
        return new ModelProgram(
                modelType,
                new Vocabulary(vocabSize(), rows),
                hiddenSize,
                maxPositions,
                embedding,
                layers,
                head,
                answers);
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
