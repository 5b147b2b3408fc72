package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.mask.ElementMask;
import io.millrace.optim.mask.ThresholdMask;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.ElementProgram;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Shape;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The fused pass over parameters: widens them to float32, applies the updates that they have not
 * seen, writes back what the fold schedule says, and writes θ + s z for every scale of a query from
 * one generation of z. It works in tiles that stay in the first-level cache and allocates nothing.
 *
 * <pre>
 *   stored ──widen──▶ p ──update, update, fold──▶ stored (as of the last fold)
 *                     └──further updates──▶ fma(s, z, p) ──▶ output of each scale, float32 or rounded
 * </pre>
 *
 * <p>The values of an element depend on its index alone, not on how a tensor is cut into passes or
 * panels. An instance belongs to one thread; any number of instances may work at once on elements
 * that do not overlap.
 */
public final class ParameterPass {
    private static final int TILE = 4096;

    private final DenseDirection direction;
    private final Optional<ElementMask> mask;
    private final Optional<ThresholdMask> small; // the mask, where kernels have it in passing
    private final ElementMask.Unmasked unmasked;
    private final ElementMask.Tile tile = new ElementMask.Tile(); // of a mask
    private final Rounding rounding;
    private final StorageCodec codec = new StorageCodec(TILE);
    private final float[] p = new float[TILE];
    private final float[] z = new float[TILE];
    private final float[] sum = new float[TILE]; // of a step with decay, before p has it
    // Of programs: the parameters, states, scratch; all but the first made when one first runs.
    private final float[][] registers = new float[ElementProgram.REGISTERS][];
    private DType written = DType.F32;

    // The tile at work: so many pieces of so many elements, `stride` elements apart in the tensor.
    private long first;
    private long stride;
    private int pieces;
    private int width;

    /**
     * A pass for one thread.
     *
     * @param direction makes z
     * @param rounding how folded parameters become 16-bit values
     */
    public ParameterPass(DenseDirection direction, Rounding rounding) {
        this(direction, Optional.empty(), rounding);
    }

    /** The same, where some elements have no z. */
    public ParameterPass(DenseDirection direction, Optional<ElementMask> mask, Rounding rounding) {
        this.direction = direction;
        this.mask = mask;
        small = mask.filter(ThresholdMask.class::isInstance).map(ThresholdMask.class::cast);
        unmasked = direction::fill;
        this.rounding = rounding;
        registers[ElementProgram.PARAMETER] = p;
    }

    /**
     * Says what outputs are written as from now on: as float32, which they are at first, or rounded
     * to the nearest bfloat16. The arithmetic before that is the same.
     *
     * @param type F32 or BF16
     * @return this
     */
    public ParameterPass writing(DType type) {
        written = type;
        return this;
    }

    /**
     * Passes over consecutive elements of a tensor. Outputs are contiguous.
     *
     * @param tensor where the elements are stored
     * @param plan what to do
     * @param firstElement the first element
     * @param count how many
     * @param outputs one memory for every output of the plan, in order of its scales; or none at
     *     all where a plan without a query only folds
     * @param outputOffsets the byte offset in each where the first element goes
     */
    public void range(
            StoredTensor tensor,
            PassPlan plan,
            long firstElement,
            long count,
            MemorySegment[] outputs,
            long[] outputOffsets) {
        Objects.checkFromIndexSize(firstElement, count, tensor.elements());
        checkOutputs(plan, outputs, outputOffsets);
        for (long done = 0; done < count; done += TILE) {
            tileAt(firstElement + done, 0, 1, (int) Math.min(TILE, count - done));
            run(tensor, plan, outputs, outputOffsets, done);
        }
    }

    /**
     * Passes over a rectangle of a row-major matrix. Outputs are contiguous tiles of its rows and
     * columns.
     *
     * @param tensor where the matrix is stored
     * @param plan what to do
     * @param columns the length of the matrix's rows
     * @param row the first row
     * @param rows how many
     * @param column the first column
     * @param tileColumns how many
     * @param outputs as in {@link #range}
     * @param outputOffsets as in {@link #range}
     */
    public void rectangle(
            StoredTensor tensor,
            PassPlan plan,
            long columns,
            long row,
            long rows,
            long column,
            long tileColumns,
            MemorySegment[] outputs,
            long[] outputOffsets) {
        if (tileColumns == columns && column == 0) {
            range(tensor, plan, row * columns, rows * columns, outputs, outputOffsets);
            return;
        }
        Objects.checkFromIndexSize(column, tileColumns, columns);
        Objects.checkFromIndexSize(row, rows, tensor.elements() / columns);
        checkOutputs(plan, outputs, outputOffsets);
        if (tileColumns == 0) {
            return;
        }
        long rowsAtOnce = Math.max(1, TILE / tileColumns);
        for (long r = 0; r < rows; r += rowsAtOnce) {
            int many = (int) Math.min(rowsAtOnce, rows - r);
            for (long c = 0; c < tileColumns; c += TILE) {
                int wide = (int) Math.min(TILE, tileColumns - c);
                tileAt((row + r) * columns + column + c, columns, many, wide);
                run(tensor, plan, outputs, outputOffsets, r * tileColumns + c);
            }
        }
    }

    private static void checkOutputs(PassPlan plan, MemorySegment[] outputs, long[] offsets) {
        boolean onlyFolds = outputs.length == 0 && plan.query().isEmpty();
        if ((!onlyFolds && outputs.length != plan.outputs()) || offsets.length != outputs.length) {
            throw new IllegalArgumentException(
                    outputs.length + " outputs and " + offsets.length + " offsets for " + plan);
        }
    }

    private void tileAt(long firstElement, long strideElements, int pieceCount, int pieceWidth) {
        first = firstElement;
        stride = strideElements;
        pieces = pieceCount;
        width = pieceWidth;
    }

    private void run(
            StoredTensor tensor,
            PassPlan plan,
            MemorySegment[] outputs,
            long[] outputOffsets,
            long outputElement) {
        load(tensor);
        if (!tensor.states().isEmpty() && (plan.pending().size() > 0 || plan.shape().isPresent())) {
            loadStates(tensor);
        }
        if (plan.gathered().isPresent()) {
            addGathered(tensor, plan, plan.gathered().get());
        } else {
            fold(tensor, plan);
        }
        int count = pieces * width;
        if (plan.query().isPresent()) {
            Query query = plan.query().get();
            if (small.isPresent() && plan.shape().isEmpty() && writesBoth(query.scales())) {
                float limit = small.get().threshold(tensor.tensorId());
                fillWhole(tensor, query.seed(), z);
                long skip = outputElement * Float.BYTES;
                TileKernels.perturbBothSmall(
                        limit,
                        query.scales().getFirst(),
                        z,
                        p,
                        count,
                        outputs[0],
                        outputOffsets[0] + skip,
                        outputs[1],
                        outputOffsets[1] + skip);
                return;
            }
            float[] along = query.isStill() ? z : along(tensor, plan, query);
            perturb(query.scales(), along, count, outputs, outputOffsets, outputElement);
        } else if (outputs.length == 1) {
            long offset = outputOffsets[0] + outputElement * written.sizeBytes();
            codec.store(outputs[0], offset, written, p, 0, count);
        }
    }

    /** What a query goes along: z, masked and as the plan shapes it. */
    private float[] along(StoredTensor tensor, PassPlan plan, Query query) {
        long step = plan.pending().lastStep() + 1;
        if (plan.shape().isEmpty()) {
            fillZ(tensor, step, query.seed(), z);
            return z;
        }
        run(tensor, step, plan.shape().get(), pieces * width);
        return registers[Shape.RESULT];
    }

    private void perturb(
            List<Float> scales,
            float[] along,
            int count,
            MemorySegment[] outputs,
            long[] offsets,
            long element) {
        long skip = element * written.sizeBytes();
        if (isMirrored(scales)) {
            perturbBoth(
                    scales.get(0),
                    along,
                    count,
                    outputs[0],
                    offsets[0] + skip,
                    outputs[1],
                    offsets[1] + skip);
            return;
        }
        for (int i = 0; i < outputs.length; i++) {
            perturb(scales.get(i), along, count, outputs[i], offsets[i] + skip);
        }
    }

    private static boolean isMirrored(List<Float> scales) {
        return scales.size() == 2 && scales.get(0) != 0f && scales.get(0) == -scales.get(1);
    }

    private boolean writesBoth(List<Float> scales) {
        return written == DType.F32 && isMirrored(scales);
    }

    private void perturbBoth(
            float scale,
            float[] along,
            int count,
            MemorySegment plus,
            long plusOffset,
            MemorySegment minus,
            long minusOffset) {
        if (written == DType.F32) {
            TileKernels.perturbBoth(scale, along, p, count, plus, plusOffset, minus, minusOffset);
        } else {
            BFloat16Forms.perturbBoth(scale, along, p, count, plus, plusOffset, minus, minusOffset);
        }
    }

    /** A scale of 0 gives p itself, signs of zero included. */
    private void perturb(float scale, float[] along, int count, MemorySegment out, long offset) {
        if (scale == 0f) {
            codec.store(out, offset, written, p, 0, count);
        } else if (written == DType.F32) {
            TileKernels.perturb(scale, along, p, count, out, offset);
        } else {
            BFloat16Forms.perturb(scale, along, p, count, out, offset);
        }
    }

    private void fold(StoredTensor tensor, PassPlan plan) {
        PendingUpdates pending = plan.pending();
        int count = pieces * width;
        for (int i = 0; i < pending.size(); i++) {
            Update update = pending.update(i);
            apply(tensor, update, count);
            if (pending.foldsAfter(update.step())) {
                boolean store = plan.store() && update.step() == pending.foldThrough();
                roundStates(tensor, store);
                if (store && pieces == 1 && rounding == Rounding.NEAREST) {
                    // Narrowed once: what is kept on is what was written.
                    codec.storeRounded(
                            tensor.bytes(), byteOffset(tensor, 0), tensor.dtype(), p, width);
                } else {
                    round(tensor, update.seed());
                    if (store) {
                        store(tensor);
                    }
                }
            }
        }
    }

    private void apply(StoredTensor tensor, Update update, int count) {
        if (update.program().isPresent()) {
            run(tensor, update.step(), update.program().get(), count);
            return;
        }
        Decay decay = tensor.vector() ? Decay.NONE : update.decay();
        if (decay.scales()) {
            TileKernels.scale(p, count, decay.scale());
        }
        // A mask asks for p as it is before the step, for every term.
        if (!decay.adds() && mask.isPresent() && update.terms().size() == 1) {
            addOnly(tensor, update.step(), update.terms().getFirst(), count);
        } else if (decay.adds() || (mask.isPresent() && !update.isStill())) {
            if (decay.adds()) {
                TileKernels.product(sum, p, count, decay.added());
            } else {
                Arrays.fill(sum, 0, count, 0f);
            }
            addTerms(tensor, update, sum, count);
            TileKernels.plus(p, sum, count);
        } else {
            addTerms(tensor, update, p, count);
        }
    }

    private void addOnly(StoredTensor tensor, long step, Update.Term only, int count) {
        if (small.isPresent()) {
            float limit = small.get().threshold(tensor.tensorId());
            fillWhole(tensor, only.seed(), z);
            TileKernels.addProductSmall(limit, p, z, count, only.coefficient());
        } else {
            fillZ(tensor, step, only.seed(), z);
            TileKernels.addProduct(p, z, count, only.coefficient());
        }
    }

    private void addTerms(StoredTensor tensor, Update update, float[] to, int count) {
        for (int k = 0; k < update.terms().size(); k++) {
            Update.Term term = update.terms().get(k);
            fillZ(tensor, update.step(), term.seed(), z);
            TileKernels.add(to, z, count, term.coefficient());
        }
    }

    private void run(StoredTensor tensor, long ofStep, ElementProgram program, int count) {
        makeRegisters();
        for (int i = 0; i < program.steps().size(); i++) {
            ElementProgram.Step step = program.steps().get(i);
            switch (step.op()) {
                case Z -> fillZ(tensor, ofStep, step.seed(), registers[step.to()]);
                case DECAY -> {
                    if (!tensor.vector()) {
                        TileKernels.scale(p, count, step.scalar());
                    }
                }
                case SHARE -> {
                    float share = tensor.vector() ? 0f : step.scalar();
                    float[] to = registers[step.to()];
                    TileKernels.product(to, registers[step.a()], count, share);
                }
                case REACH -> {
                    float reach = ElementProgram.reach(tensor.allElements());
                    Arrays.fill(registers[step.to()], 0, count, step.scalar() * reach);
                }
                case TIMES -> {
                    float[] to = registers[step.to()];
                    if (tensor.states().isEmpty()) {
                        Arrays.fill(to, 0, count, 0f);
                    } else {
                        float factor = step.factor().orElseThrow().of(tensor.tensorId());
                        TileKernels.product(to, registers[step.a()], count, factor);
                    }
                }
                default -> ElementKernels.run(step, registers, count);
            }
        }
    }

    private void makeRegisters() {
        for (int i = 0; i < registers.length; i++) {
            if (registers[i] == null) {
                registers[i] = new float[TILE];
            }
        }
    }

    private void loadStates(StoredTensor tensor) {
        makeRegisters();
        for (int k = 0; k < tensor.states().size(); k++) {
            StoredState state = tensor.states().get(k);
            float[] values = registers[ElementProgram.state(k)];
            for (int i = 0; i < pieces; i++) {
                codec.load(tensor.bytes(), at(state, i), state.dtype(), values, i * width, width);
            }
        }
    }

    /** States are rounded to nearest where parameters are rounded, whatever their way. */
    private void roundStates(StoredTensor tensor, boolean store) {
        for (int k = 0; k < tensor.states().size(); k++) {
            StoredState state = tensor.states().get(k);
            float[] values = registers[ElementProgram.state(k)];
            codec.roundNearest(state.dtype(), values, 0, pieces * width);
            for (int i = 0; store && i < pieces; i++) {
                codec.store(tensor.bytes(), at(state, i), state.dtype(), values, i * width, width);
            }
        }
    }

    private long at(StoredState state, int piece) {
        return state.offset() + element(piece) * state.dtype().sizeBytes();
    }

    private void addGathered(StoredTensor tensor, PassPlan plan, MemorySegment sums) {
        PendingUpdates pending = plan.pending();
        for (int i = 0; i < pieces; i++) {
            TileKernels.add(p, i * width, sums, element(i), width, 1f);
        }
        if (pending.folds()) {
            round(tensor, pending.update(pending.size() - 1).seed());
            if (plan.store()) {
                store(tensor);
            }
        }
    }

    private void fillZ(StoredTensor tensor, long step, long seed, float[] values) {
        int id = tensor.tensorId();
        if (mask.isEmpty()) {
            fillWhole(tensor, seed, values);
            return;
        }
        ElementMask.Tile place = tile.at(drawn(tensor, 0), stride, pieces, width);
        mask.get().fill(unmasked, seed, step, id, place, p, values);
    }

    /** What a mask is still to leave elements of out. */
    private void fillWhole(StoredTensor tensor, long seed, float[] values) {
        for (int i = 0; i < pieces; i++) {
            direction.fill(seed, tensor.tensorId(), drawn(tensor, i), values, i * width, width);
        }
    }

    private void round(StoredTensor tensor, long seed) {
        DType dtype = tensor.dtype();
        if (rounding == Rounding.NEAREST) {
            codec.roundNearest(dtype, p, 0, pieces * width);
            return;
        }
        for (int i = 0; i < pieces; i++) {
            StochasticRounding.round(
                    dtype, seed, tensor.tensorId(), drawn(tensor, i), p, i * width, width);
        }
    }

    private void load(StoredTensor tensor) {
        for (int i = 0; i < pieces; i++) {
            codec.load(tensor.bytes(), byteOffset(tensor, i), tensor.dtype(), p, i * width, width);
        }
    }

    private void store(StoredTensor tensor) {
        for (int i = 0; i < pieces; i++) {
            codec.store(tensor.bytes(), byteOffset(tensor, i), tensor.dtype(), p, i * width, width);
        }
    }

    private long element(int piece) {
        return first + piece * stride;
    }

    /** The element of the whole tensor that a piece begins with. */
    private long drawn(StoredTensor tensor, int piece) {
        return tensor.firstElement() + element(piece);
    }

    private long byteOffset(StoredTensor tensor, int piece) {
        return tensor.offset() + element(piece) * tensor.dtype().sizeBytes();
    }
}
