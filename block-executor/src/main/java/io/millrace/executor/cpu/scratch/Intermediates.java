package io.millrace.executor.cpu.scratch;

import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;

/**
 * Memory for what no forward keeps from one block to the next: the intermediates of a micro-batch
 * for the scales that go through a block together, and the places where weights are formed. Several
 * forwards that take turns at a block may share it, each laying it out for itself; those that go
 * through a block in step share the places where weights are formed alone.
 */
public final class Intermediates implements AutoCloseable {
    private final List<HostSlab> slabs = new ArrayList<>();
    private final Floats states;
    private final Floats kept;
    private final Floats vectors;
    private final Floats wholeMatrix;
    private final Floats panels;
    private final Floats inputs;
    private final Floats tiles;
    private final Floats partials;

    /**
     * Allocates room for the largest of each that any plan asks for.
     *
     * @param memory where the device computes
     * @param plans whose products all read one type
     */
    public Intermediates(HostMemory memory, List<ScratchPlan> plans) {
        this(memory, plans, Optional.empty());
    }

    /**
     * Allocates what one forward's rows need.
     *
     * @param memory where the device computes
     * @param plan the forward's
     * @param forming whose places weights are formed in, which outlives this
     */
    public Intermediates(HostMemory memory, ScratchPlan plan, Intermediates forming) {
        this(memory, List.of(plan), Optional.of(forming));
    }

    private Intermediates(
            HostMemory memory, List<ScratchPlan> plans, Optional<Intermediates> forming) {
        try {
            DType read = operands(plans);
            states = take(memory, "states of a block", plans, plan -> plan.states().length());
            kept = take(memory, "queries, keys and values", plans, ScratchPlan::kept);
            vectors = take(memory, "perturbed vectors", plans, ScratchPlan::vectors);
            inputs = take(memory, "rounded inputs", plans, ScratchPlan::inputs, read);
            partials = take(memory, "partial losses", plans, ScratchPlan::partials);
            if (forming.isPresent()) {
                wholeMatrix = forming.get().wholeMatrix;
                panels = forming.get().panels;
                tiles = forming.get().tiles;
            } else {
                wholeMatrix =
                        take(memory, "perturbed matrices", plans, ScratchPlan::wholeMatrix, read);
                panels = take(memory, "perturbed panels", plans, ScratchPlan::panels, read);
                tiles = take(memory, "tiles of logits", plans, ScratchPlan::tiles);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Bytes of memory that all of it takes where forwards take turns. */
    public static long bytes(List<ScratchPlan> plans) {
        return ofRows(plans) + ofForming(plans);
    }

    /** Bytes of memory where each of several forwards has all but the places of weights. */
    public static long bytesInStep(List<ScratchPlan> plans) {
        return bytes(plans) + plans.stream().skip(1).mapToLong(plan -> ofRows(List.of(plan))).sum();
    }

    private static long ofRows(List<ScratchPlan> plans) {
        return bytes(plans, plan -> plan.states().length(), DType.F32)
                + bytes(plans, ScratchPlan::kept, DType.F32)
                + bytes(plans, ScratchPlan::vectors, DType.F32)
                + bytes(plans, ScratchPlan::inputs, operands(plans))
                + bytes(plans, ScratchPlan::partials, DType.F32);
    }

    private static long ofForming(List<ScratchPlan> plans) {
        DType read = operands(plans);
        return bytes(plans, ScratchPlan::wholeMatrix, read)
                + bytes(plans, ScratchPlan::panels, read)
                + bytes(plans, ScratchPlan::tiles, DType.F32);
    }

    private static long bytes(
            List<ScratchPlan> plans, ToLongFunction<ScratchPlan> length, DType type) {
        return HostMemory.pageBytes(longest(plans, length) * type.sizeBytes());
    }

    private static long longest(List<ScratchPlan> plans, ToLongFunction<ScratchPlan> length) {
        return plans.stream().mapToLong(length).reduce(1, Math::max);
    }

    private static DType operands(List<ScratchPlan> plans) {
        DType first = plans.getFirst().operands();
        if (plans.stream().anyMatch(plan -> plan.operands() != first)) {
            throw new IllegalArgumentException("products of these plans read different types");
        }
        return first;
    }

    private Floats take(
            HostMemory memory,
            String purpose,
            List<ScratchPlan> plans,
            ToLongFunction<ScratchPlan> length) {
        return take(memory, purpose, plans, length, DType.F32);
    }

    private Floats take(
            HostMemory memory,
            String purpose,
            List<ScratchPlan> plans,
            ToLongFunction<ScratchPlan> length,
            DType type) {
        HostSlab slab = memory.allocate(purpose, longest(plans, length) * type.sizeBytes());
        slabs.add(slab);
        return new Floats(slab.segment(), 0, type);
    }

    Floats states() {
        return states;
    }

    Floats kept() {
        return kept;
    }

    Floats vectors() {
        return vectors;
    }

    Floats wholeMatrix() {
        return wholeMatrix;
    }

    Floats panels() {
        return panels;
    }

    Floats inputs() {
        return inputs;
    }

    Floats tiles() {
        return tiles;
    }

    Floats partials() {
        return partials;
    }

    @Override
    public void close() {
        slabs.forEach(HostSlab::close);
    }
}
