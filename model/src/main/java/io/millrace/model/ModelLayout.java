package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.StateSlot;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.TensorSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A model cut into blocks, and the order in which a step visits them.
 *
 * <p>A step makes {@code layers + 2} visits: the first embeds, the last makes logits, each between
 * runs one layer. Without tying each visit has a block of its own. Where the head is the embedding,
 * block 0 holds the tensors of both ends and is visited first and last:
 *
 * <pre>
 * untied   block  0 = embedding   1..N = layers   N+1 = head     visits [0, 1..N, N+1]
 * tied     block  0 = embedding and head   1..N = layers         visits [0, 1..N, 0]
 * </pre>
 *
 * <p>Each expert of a layer is a block of its own, numbered behind all of these: a step visits
 * those that a token chose, after their layer.
 *
 * <p>Within a block, tensors lie in the bytewise order of their names, which is the order of most
 * files, so that reading a block is mostly one sweep.
 */
public final class ModelLayout {
    /** Orders names as the bytes of their UTF-8 form; the order of tensor ids. */
    public static final Comparator<String> BYTEWISE =
            (left, right) ->
                    Arrays.compareUnsigned(
                            left.getBytes(StandardCharsets.UTF_8),
                            right.getBytes(StandardCharsets.UTF_8));

    private final List<BlockLayout> blocks;
    private final List<Integer> visits;
    private final List<List<Integer>> experts;
    private final boolean tied;
    private final Optional<ModelLayout> beside;
    private final boolean ownsBeside;
    private final VocabularyPanels panels;
    private final Map<String, Placement> placements = new HashMap<>();

    /**
     * Where a tensor lies.
     *
     * @param block the block's index; {@link #NO_BLOCK} of a table of which rows are read alone
     * @param slot its place in the block
     */
    public record Placement(int block, TensorSlot slot) {
        /** In the place of a block's index. */
        public static final int NO_BLOCK = -1;
    }

    private ModelLayout(
            List<BlockLayout> blocks,
            List<Integer> visits,
            List<List<Integer>> experts,
            boolean tied,
            Optional<ModelLayout> beside,
            boolean ownsBeside,
            VocabularyPanels panels) {
        this.blocks = List.copyOf(blocks);
        this.visits = List.copyOf(visits);
        this.experts = List.copyOf(experts);
        this.tied = tied;
        this.beside = beside;
        this.ownsBeside = ownsBeside;
        this.panels = panels;
        for (BlockLayout block : blocks) {
            for (TensorSlot slot : block.tensors()) {
                if (slot.isFirst()) {
                    placements.put(slot.name(), new Placement(block.index(), slot));
                }
            }
        }
    }

    /** The layout of a model with all tensors stored in one dtype. */
    public static ModelLayout of(ModelProgram program, DType dtype) {
        return of(program, name -> dtype);
    }

    /**
     * The layout of a model. What is no plain array of numbers is frozen, and so are buffers; the
     * rest is trained.
     *
     * @param program what its blocks compute
     * @param formats in which a tensor of that name is stored
     */
    public static ModelLayout of(
            ModelProgram program, Function<String, ? extends TensorFormat> formats) {
        ProgramTensors tensors = ProgramTensors.of(program);
        List<String> names = tensors.all().map(TensorSpec::name).toList();
        if (Set.copyOf(names).size() != names.size()) {
            throw new IllegalArgumentException("a tensor has two uses in " + program.modelType());
        }
        Map<String, Integer> ids =
                trainable(tensors.all(), name -> formats.apply(name) instanceof DType);
        List<List<TensorSpec>> groups = new ArrayList<>();
        groups.add(tensors.embedding());
        groups.addAll(tensors.layers());
        int last = groups.size();
        if (program.isTied()) {
            List<TensorSpec> ends = new ArrayList<>(tensors.embedding());
            ends.addAll(tensors.head());
            groups.set(0, ends);
            last = 0;
        } else {
            groups.add(tensors.head());
        }
        List<BlockLayout> blocks = new ArrayList<>();
        for (List<TensorSpec> group : groups) {
            blocks.add(pack(blocks.size(), group, ids, formats));
        }
        List<Integer> visits = new ArrayList<>();
        for (int visit = 0; visit <= program.layers().size(); visit++) {
            visits.add(visit);
        }
        visits.add(last);
        List<List<Integer>> experts = new ArrayList<>();
        for (List<List<TensorSpec>> layer : tensors.experts()) {
            List<Integer> own = new ArrayList<>();
            for (List<TensorSpec> expert : layer) {
                own.add(blocks.size());
                blocks.add(pack(blocks.size(), expert, ids, formats));
            }
            experts.add(List.copyOf(own));
        }
        return new ModelLayout(
                blocks,
                visits,
                experts,
                program.isTied(),
                Optional.empty(),
                false,
                VocabularyPanels.NONE);
    }

    /**
     * The same tensors where a large vocabulary moves in panels of rows: those of its tables behind
     * the first are blocks of their own, numbered behind all others. Laid out before anything else
     * is. The same where the vocabulary is small, or is not looked up and scored as most are.
     *
     * @param program what the blocks compute
     */
    public ModelLayout inPanels(ModelProgram program) {
        return VocabularyPanels.cut(program, this)
                .map(cut -> alone(cut.blocks(), visits, tied, cut.panels()))
                .orElse(this);
    }

    private ModelLayout alone(
            List<BlockLayout> others, List<Integer> order, boolean ends, VocabularyPanels cut) {
        return new ModelLayout(others, order, experts, ends, Optional.empty(), false, cut);
    }

    /**
     * The same tensors where rows of a large table are read alone as a pass looks them up: the
     * embedding has it in no block, and is then a block apart from the head. For runs that do not
     * train it; laid out before panels, companions and states are.
     */
    public ModelLayout readingRows(ModelProgram program) {
        return RowTable.cut(program, this)
                .map(cut -> alone(cut.blocks(), cut.visits(), false, cut.panels()))
                .orElse(this);
    }

    /** The same of a run that trains the table, in panels that few steps visit; or this. */
    public ModelLayout foldingLater(ModelProgram program) {
        return RowTable.cutLater(program, this)
                .map(cut -> alone(cut.blocks(), cut.visits(), false, cut.panels()))
                .orElse(this);
    }

    private static Map<String, Integer> trainable(
            Stream<TensorSpec> tensors, Predicate<String> chosen) {
        return ids(tensors.filter(TensorSpec::isTrainable).map(TensorSpec::name).filter(chosen));
    }

    /** Numbers names in their order. */
    private static Map<String, Integer> ids(Stream<String> names) {
        Map<String, Integer> ids = new HashMap<>();
        names.sorted(BYTEWISE).forEach(name -> ids.put(name, ids.size()));
        return ids;
    }

    private static BlockLayout pack(
            int index,
            List<TensorSpec> group,
            Map<String, Integer> ids,
            Function<String, ? extends TensorFormat> formats) {
        return BlockLayout.pack(
                index,
                group.stream()
                        .sorted(Comparator.comparing(TensorSpec::name, BYTEWISE))
                        .map(tensor ->
                                new TensorSlot(
                                        tensor.name(),
                                        ids.getOrDefault(tensor.name(), TensorSlot.FROZEN),
                                        formats.apply(tensor.name()),
                                        tensor.shape(),
                                        0))
                        .toList());
    }

    /**
     * The same places for a run that trains some of the tensors: ids count these alone. States are
     * laid after that, beside those that are trained.
     *
     * @param trained whether a run may change the tensor of a name
     * @throws IllegalArgumentException where it trains none, or one that is no plain array
     */
    public ModelLayout training(Predicate<String> trained) {
        Map<String, Integer> ids = ids(placements.keySet().stream().filter(trained));
        if (ids.isEmpty()) {
            throw new IllegalArgumentException("no tensor is trained");
        }
        List<BlockLayout> renumbered =
                blocks.stream()
                        .map(block ->
                                new BlockLayout(
                                        block.index(),
                                        block.tensors().stream()
                                                .map(slot -> renumbered(slot, ids))
                                                .toList(),
                                        block.weightBytes()))
                        .toList();
        VocabularyPanels own = panels.renumbered(table -> renumbered(table, ids));
        return new ModelLayout(renumbered, visits, experts, tied, beside, ownsBeside, own);
    }

    /**
     * The same places for a run that trains none of these tensors but others beside them: each
     * block has a companion of its own, of the same index, in {@link #beside()}. Ids count the
     * tensors of the companions that are trained; all are float32.
     *
     * @param tensors what lies beside the block of each visit
     * @throws IllegalArgumentException where there are none
     */
    public ModelLayout withBeside(List<List<TensorSpec>> tensors) {
        Map<String, Integer> ids = trainable(tensors.stream().flatMap(List::stream), _ -> true);
        if (ids.isEmpty()) {
            throw new IllegalArgumentException("no tensor is trained");
        }
        List<List<TensorSpec>> groups = new ArrayList<>();
        blocks.forEach(_ -> groups.add(new ArrayList<>()));
        for (int visit = 0; visit < tensors.size(); visit++) {
            groups.get(visits.get(visit)).addAll(tensors.get(visit));
        }
        List<BlockLayout> companions = new ArrayList<>();
        for (List<TensorSpec> group : groups) {
            companions.add(pack(companions.size(), group, ids, _ -> DType.F32));
        }
        return besides(companions, false);
    }

    private ModelLayout besides(List<BlockLayout> companions, boolean own) {
        List<BlockLayout> frozen =
                blocks.stream()
                        .map(block ->
                                new BlockLayout(
                                        block.index(),
                                        block.tensors().stream()
                                                .map(slot -> slot.withTensorId(TensorSlot.FROZEN))
                                                .toList(),
                                        block.weightBytes()))
                        .toList();
        return new ModelLayout(
                frozen,
                visits,
                experts,
                tied,
                Optional.of(
                        new ModelLayout(
                                companions,
                                visits,
                                experts,
                                tied,
                                Optional.empty(),
                                false,
                                panels.beside())),
                own,
                panels);
    }

    /**
     * The same tensors trained, under the same ids and in the same formats, in companions of the
     * blocks: these keep what the model had in their places, and are only read. It is laid out
     * before states are.
     */
    public ModelLayout apart() {
        return besides(
                blocks.stream()
                        .map(block ->
                                BlockLayout.pack(
                                        block.index(),
                                        block.tensors().stream()
                                                .filter(TensorSlot::isTrained)
                                                .toList()))
                        .toList(),
                true);
    }

    /**
     * The same places for a run that trains the scales of packed matrices alone: they lie in
     * companions of the blocks, in float32, and the blocks keep what the model had.
     *
     * @throws IllegalArgumentException where no matrix has any that can be tuned
     */
    public ModelLayout scales() {
        List<List<TensorSlot>> groups =
                blocks.stream()
                        .map(block ->
                                block.tensors().stream()
                                        .flatMap(slot -> ScaleTensors.slot(slot).stream())
                                        .sorted(Comparator.comparing(TensorSlot::name, BYTEWISE))
                                        .toList())
                        .toList();
        Map<String, Integer> ids = ids(groups.stream().flatMap(List::stream).map(TensorSlot::name));
        if (ids.isEmpty()) {
            throw new IllegalArgumentException("no matrix has scales");
        }
        List<BlockLayout> companions = new ArrayList<>();
        for (List<TensorSlot> group : groups) {
            Stream<TensorSlot> own =
                    group.stream().map(slot -> slot.withTensorId(ids.get(slot.name())));
            companions.add(BlockLayout.pack(companions.size(), own.toList()));
        }
        return besides(companions, true);
    }

    /** Whether what is beside the blocks is scales of their matrices. */
    public boolean tunesScales() {
        return ownsBeside
                && beside.orElseThrow().placements.keySet().stream()
                        .noneMatch(placements::containsKey);
    }

    private static TensorSlot renumbered(TensorSlot slot, Map<String, Integer> ids) {
        return slot.withTensorId(ids.getOrDefault(slot.name(), TensorSlot.FROZEN));
    }

    /**
     * The same weights at the same places, with the states of an update rule behind those of each
     * block in place of any others.
     *
     * @param kinds the states that each trained tensor has, in order; none for the weights alone
     */
    public ModelLayout withStates(List<StateSlot.Kind> kinds) {
        return withStates(kinds, _ -> true);
    }

    /** The same of those trained tensors alone that a predicate holds for. */
    public ModelLayout withStates(List<StateSlot.Kind> kinds, Predicate<TensorSlot> has) {
        List<BlockLayout> stated =
                blocks.stream().map(block -> block.withStates(kinds, has)).toList();
        return new ModelLayout(
                stated,
                visits,
                experts,
                tied,
                beside.map(one -> one.withStates(kinds, has)),
                ownsBeside,
                panels);
    }

    /**
     * The companions of the blocks: what a run trains beside them. It stays where it is computed
     * on, whatever becomes of the blocks; empty where a run trains the blocks themselves.
     */
    public Optional<ModelLayout> beside() {
        return beside;
    }

    /** Whether its companions hold tensors of the model itself, in the place of those in blocks. */
    public boolean ownsBeside() {
        return ownsBeside;
    }

    /** What a run changes and saves: the companions where there are any, else the blocks. */
    public ModelLayout tuned() {
        return beside.orElse(this);
    }

    /** The blocks by index. */
    public List<BlockLayout> blocks() {
        return blocks;
    }

    /** One block. */
    public BlockLayout block(int index) {
        return blocks.get(index);
    }

    /**
     * The blocks of a step's visits in order, two more than there are layers; those of experts
     * apart, of which a step visits some.
     */
    public List<Integer> visits() {
        return visits;
    }

    /** The blocks of each layer's experts, one an expert; none of a layer without. */
    public List<List<Integer>> experts() {
        return experts;
    }

    /**
     * Each visit's block, and behind it those of the layer's experts; before the embedding's and
     * behind the head's those of panels.
     */
    public List<List<Integer>> parts() {
        List<List<Integer>> parts = new ArrayList<>();
        for (int visit = 0; visit < visits.size(); visit++) {
            List<Integer> part = new ArrayList<>(List.of(visits.get(visit)));
            if (visit > 0 && visit <= experts.size()) {
                part.addAll(experts.get(visit - 1));
            }
            parts.add(part);
        }
        parts.getFirst().addAll(0, panels.embedding());
        parts.getLast().addAll(panels.head());
        return parts;
    }

    /** The blocks that have the vocabulary's panels but for the first of each table. */
    public VocabularyPanels panels() {
        return panels;
    }

    /** Every block in the order in which a step that needs all of them visits them. */
    public List<Integer> order() {
        return panels.visited(parts().stream().flatMap(List::stream), blocks);
    }

    /** Whether block 0 is both ends of the model. */
    public boolean isTied() {
        return tied;
    }

    /** Where the tensor of that name begins, if it is one of the model's. */
    public Optional<Placement> find(String name) {
        return Optional.ofNullable(placements.get(name))
                .or(() ->
                        panels.alone()
                                .filter(table -> table.name().equals(name))
                                .map(table -> new Placement(Placement.NO_BLOCK, table)));
    }

    /** All of a tensor that a block has the beginning of: one slot, or its panels in order. */
    Stream<TensorSlot> slots(Placement place) {
        return place.slot().panel().isEmpty()
                ? Stream.of(place.slot())
                : blocks.stream()
                        .flatMap(block -> block.tensors().stream())
                        .filter(slot -> slot.name().equals(place.slot().name()));
    }

    /** Number of trainable tensors. */
    public int tensorCount() {
        return placements.size();
    }

    /** What of the model lies in no block. */
    private Stream<TensorSlot> alone() {
        return panels.alone().stream().filter(table -> !placements.containsKey(table.name()));
    }

    /** Number of parameters. */
    public long elementCount() {
        return blocks.stream().mapToLong(BlockLayout::elementCount).sum()
                + alone().mapToLong(TensorSlot::elementCount).sum();
    }

    /** Bytes of all weights, those that lie in no block too. */
    public long weightBytes() {
        return blocks.stream().mapToLong(BlockLayout::weightBytes).sum()
                + alone().mapToLong(TensorSlot::sizeBytes).sum();
    }

    /** Bytes of all blocks' states; 0 where an update rule keeps none. */
    public long stateBytes() {
        return blocks.stream().mapToLong(BlockLayout::stateBytes).sum();
    }

    /** Bytes of all blocks, weights and states. */
    public long sizeBytes() {
        return blocks.stream().mapToLong(BlockLayout::sizeBytes).sum();
    }

    /** The block with the most bytes. */
    public BlockLayout largestBlock() {
        return blocks.stream().max(Comparator.comparingLong(BlockLayout::sizeBytes)).orElseThrow();
    }
}
