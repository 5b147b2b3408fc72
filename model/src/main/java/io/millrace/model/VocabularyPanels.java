package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How the tables of a large vocabulary are cut into panels of rows, so that a layer and not the
 * vocabulary says how much memory a step takes at least. The cut follows from the model alone.
 *
 * <p>The first panel of a table stays in the block of the embedding, or of the head, with what else
 * that has; each other is a block. A bias of logits is cut as their matrix is.
 *
 * @param embedding blocks of the embedding's other panels, in the order in which a step visits
 *     them: the last rows first, and behind all of them the embedding's own block
 * @param head blocks of the head's other panels, in the order in which a step visits them, behind
 *     the head's own: the first rows first
 * @param alone the table of which a pass reads the rows that it looks up and no others: the
 *     embedding's own block has none of it
 * @param later whether a run trains that table: all its rows are then in the embedding's panels,
 *     which a step does not visit, and whose updates come into them now and then
 */
public record VocabularyPanels(
        List<Integer> embedding, List<Integer> head, Optional<TensorSlot> alone, boolean later) {
    /** Of tables that each lie in one block. */
    public static final VocabularyPanels NONE =
            new VocabularyPanels(List.of(), List.of(), Optional.empty(), false);

    /** A table of no more elements is not worth more than one request. */
    private static final long LEAST_ELEMENTS = 1L << 26;

    /** Products are cut into tiles of columns; none crosses a panel's end. */
    private static final int QUANTUM = 1024;

    /** Freezes the lists. */
    public VocabularyPanels {
        embedding = List.copyOf(embedding);
        head = List.copyOf(head);
    }

    /** Of a model of whose table rows are read alone. */
    static VocabularyPanels readingRows(TensorSlot table) {
        return new VocabularyPanels(List.of(), List.of(), Optional.of(table), false);
    }

    /** Those of what lies beside the blocks. */
    VocabularyPanels beside() {
        return new VocabularyPanels(embedding, head, Optional.empty(), false);
    }

    /** The panels that a step visits before the embedding. */
    public List<Integer> lookedUp() {
        return later ? List.of() : embedding;
    }

    /** Of blocks that few steps visit the largest; empty where there are none. */
    public Optional<BlockLayout> largestSeldom(List<BlockLayout> blocks) {
        return embedding.stream()
                .filter(_ -> later)
                .map(blocks::get)
                .max(Comparator.comparingLong(BlockLayout::sizeBytes));
    }

    /** Those of a pass over all blocks that steps visit, and the largest that few do. */
    List<Integer> visited(Stream<Integer> order, List<BlockLayout> blocks) {
        Set<Integer> seldom = later ? Set.copyOf(embedding) : Set.of();
        Stream<Integer> often = order.filter(block -> !seldom.contains(block));
        Stream<Integer> room = largestSeldom(blocks).stream().map(BlockLayout::index);
        return Stream.concat(often, room).toList();
    }

    /** The same, where the table that is read alone has another id. */
    VocabularyPanels renumbered(UnaryOperator<TensorSlot> renumbering) {
        return later ? new VocabularyPanels(embedding, head, alone.map(renumbering), true) : this;
    }

    /** Whether any table lies in several blocks. */
    public boolean isEmpty() {
        return embedding.isEmpty() && head.isEmpty();
    }

    /**
     * A model's blocks in panels.
     *
     * @param blocks all of them
     * @param panels which of them are panels
     */
    record Cut(List<BlockLayout> blocks, VocabularyPanels panels) {}

    /** The cut of a model; empty where none of its tables has more than one panel. */
    static Optional<Cut> cut(ModelProgram program, ModelLayout layout) {
        List<BlockLayout> blocks = new ArrayList<>(layout.blocks());
        List<Integer> looked = layout.panels().embedding();
        List<Integer> scored = List.of();
        if (layout.isTied()) {
            if (canLookUp(program) && canScore(program)) {
                scored = cut(program, layout, blocks, 0, scoredTensors(program));
                looked = scored.reversed();
            }
        } else {
            if (canLookUp(program) && layout.panels().alone().isEmpty()) {
                looked = cut(program, layout, blocks, 0, lookedUp(program)).reversed();
            }
            if (canScore(program)) {
                int last = layout.visits().getLast();
                scored = cut(program, layout, blocks, last, scoredTensors(program));
            }
        }
        VocabularyPanels panels =
                new VocabularyPanels(
                        looked, scored, layout.panels().alone(), layout.panels().later());
        return panels.isEmpty() ? Optional.empty() : Optional.of(new Cut(blocks, panels));
    }

    /** A panel's rows go straight into the stream, before anything else does. */
    static boolean canLookUp(ModelProgram program) {
        return program.embedding().ops().getFirst() instanceof Op.Lookup lookup
                && lookup.index() == Op.Index.ID
                && lookup.offset() == 0
                && lookup.out().memory() == Value.Memory.STREAM
                && program.embedding().ops().stream().skip(1).noneMatch(op -> looksUp(op, lookup));
    }

    private static boolean looksUp(Op op, Op.Lookup other) {
        return op instanceof Op.Lookup one && one.table().name().equals(other.table().name());
    }

    /** Whether a whole table is worth more than one request. */
    static boolean isLarge(TensorSlot table, ModelProgram program) {
        return program.panelRows() > 0
                ? table.shape().getFirst() > program.panelRows()
                : table.elementCount() > LEAST_ELEMENTS;
    }

    /** What is scored is kept where the stream was, from the first panel to the last. */
    private static boolean canScore(ModelProgram program) {
        Op.Score score = program.score();
        return !score.logits().inputMajor()
                && score.logits().side().isEmpty()
                && score.in().memory() == Value.Memory.STATES
                && score.in().width() <= program.hiddenSize();
    }

    static List<String> lookedUp(ModelProgram program) {
        return List.of(((Op.Lookup) program.embedding().ops().getFirst()).table().name());
    }

    private static List<String> scoredTensors(ModelProgram program) {
        String bias = program.score().logits().bias();
        String weight = program.score().logits().weight();
        return bias == null ? List.of(weight) : List.of(weight, bias);
    }

    /** Cuts a matrix, and vectors of as many elements as that has rows; the new blocks. */
    private static List<Integer> cut(
            ModelProgram program,
            ModelLayout layout,
            List<BlockLayout> blocks,
            int block,
            List<String> names) {
        BlockLayout old = blocks.get(block);
        List<TensorSlot> tables =
                old.tensors().stream().filter(slot -> names.contains(slot.name())).toList();
        TensorSlot matrix = old.tensor(names.getFirst());
        if (tables.size() < names.size() || !tables.stream().allMatch(TensorSlot::isPlain)) {
            return List.of();
        }
        long all = matrix.shape().getFirst();
        long each = rowsEach(matrix, program, layout);
        if (each >= all) {
            return List.of();
        }
        blocks.set(
                block,
                BlockLayout.pack(
                        block,
                        old.tensors().stream()
                                .map(slot -> tables.contains(slot) ? slot.rows(0, each) : slot)
                                .toList()));
        return addPanels(tables, each, each, blocks);
    }

    /**
     * Makes blocks of some rows of tables each.
     *
     * @param tables of as many rows each
     * @param begin the first row
     * @param each rows of a block; the last may have fewer
     * @param blocks where they go
     */
    private static List<Integer> addPanels(
            List<TensorSlot> tables, long begin, long each, List<BlockLayout> blocks) {
        long all = tables.getFirst().shape().getFirst();
        List<Integer> added = new ArrayList<>();
        for (long first = begin; first < all; first += each) {
            long from = first;
            long count = Math.min(each, all - first);
            added.add(blocks.size());
            blocks.add(
                    BlockLayout.pack(
                            blocks.size(),
                            tables.stream().map(slot -> slot.rows(from, count)).toList()));
        }
        return added;
    }

    /**
     * A table that is read alone and trained, in panels behind all other blocks.
     *
     * @param blocks where they go; the embedding's has none of the table
     */
    static VocabularyPanels foldingLater(
            TensorSlot table, ModelProgram program, ModelLayout layout, List<BlockLayout> blocks) {
        List<Integer> panels =
                addPanels(List.of(table), 0, rowsEach(table, program, layout), blocks);
        return new VocabularyPanels(panels.reversed(), List.of(), Optional.of(table), true);
    }

    /** As few panels as are no larger than a layer, and of these as even ones as there are. */
    private static long rowsEach(TensorSlot matrix, ModelProgram program, ModelLayout layout) {
        if (program.panelRows() > 0) {
            return program.panelRows();
        }
        int head = layout.visits().getLast();
        long layer =
                IntStream.range(1, layout.blocks().size())
                        .filter(block -> block != head)
                        .mapToLong(block -> layout.block(block).sizeBytes())
                        .max()
                        .orElse(0);
        long rows = matrix.shape().getFirst();
        long rowBytes = matrix.sizeBytes() / rows;
        long limit = Math.max(layer, LEAST_ELEMENTS * matrix.dtype().sizeBytes());
        long most = Math.max(QUANTUM, limit / rowBytes / QUANTUM * QUANTUM);
        if (rows <= limit / rowBytes) {
            return rows;
        }
        long count = Math.ceilDiv(rows, most);
        return Math.ceilDiv(Math.ceilDiv(rows, count), QUANTUM) * QUANTUM;
    }
}
