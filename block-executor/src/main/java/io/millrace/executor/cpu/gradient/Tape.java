package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.Value;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * What a block made of one micro-batch, every value in a place of its own, and the gradients of the
 * loss by these values as far as the way back has come. Used for one micro-batch after another, on
 * the thread that leads the workers.
 */
final class Tape implements BlockFrame.Places, AutoCloseable {
    private final TapePlan plan;
    private final OwnedResources owned = new OwnedResources();
    private final Floats values;
    private final Floats gradients;
    private final Set<Value> begun = new HashSet<>(); // first ones of a place
    private TapePlan.Places places;
    private Optional<Value> in = Optional.empty();
    private Variants stream; // what came in
    private Variants flow; // the gradient of what goes out, then of what came in
    private Optional<Carried> carried = Optional.empty();

    /**
     * What the embedding makes once for all layers.
     *
     * @param value [rows, width]
     * @param gradient the same, added to by every layer
     * @param rows how many
     */
    record Carried(Variants value, Variants gradient, int rows) {}

    /** Allocates what a plan says. */
    Tape(HostMemory memory, TapePlan plan) {
        this.plan = plan;
        try {
            values = slab(memory, "values on the way back", plan.valueFloats());
            gradients = slab(memory, "gradients of values", plan.gradientFloats());
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    private Floats slab(HostMemory memory, String purpose, long floats) {
        HostSlab slab = owned.own(memory.allocate(purpose, Math.max(1, floats) * Float.BYTES));
        return new Floats(slab.segment(), 0);
    }

    /**
     * Begins with a micro-batch in a block.
     *
     * @param place of the block in the program
     * @param block what it computes
     * @param comes [rows, hidden] of what comes in
     * @param gradient [rows, hidden] of the gradient of what goes out, where that is known
     * @param known whether it is
     * @param ofTable what the embedding made for all layers, if it did
     */
    void begin(
            int place,
            BlockProgram block,
            Variants comes,
            Variants gradient,
            boolean known,
            Optional<Carried> ofTable) {
        places = plan.block(place);
        in = block.in();
        stream = comes;
        flow = gradient;
        carried = ofTable;
        begun.clear();
        if (known) {
            begun.add(first(block.out().orElseThrow()));
        }
        ofTable.ifPresent(_ -> begun.add(CARRIED));
    }

    // Stands for whatever value is carried: others have added to its gradient before.
    private static final Value CARRIED = Value.carried("carried", 1);

    private Value first(Value value) {
        return value.memory() == Value.Memory.CARRIED
                ? CARRIED
                : places.first().getOrDefault(value, value);
    }

    @Override
    public Variants of(Value value, int rows) {
        if (value.memory() == Value.Memory.CARRIED) {
            return carried.orElseThrow().value();
        }
        if (in.filter(value::equals).isPresent()) {
            return stream;
        }
        return dense(values.at(places.values().get(value)), value, rows);
    }

    @Override
    public Variants hidden() {
        return stream;
    }

    @Override
    public int carriedRows() {
        return carried.map(Carried::rows).orElse(0);
    }

    /** [rows, width] of the gradient of a value, as far as it is known. */
    Variants gradient(Value value, int rows) {
        if (value.memory() == Value.Memory.CARRIED) {
            return carried.orElseThrow().gradient();
        }
        Long place = places.gradients().get(value);
        return place == null ? flow : dense(gradients.at(place), value, rows);
    }

    /** Where the gradient of what goes out lies before the way back through the block begins. */
    Variants flow() {
        return flow;
    }

    /** Whether the gradient of what goes out becomes that of what comes in where it is. */
    boolean flowsThrough() {
        return places.through();
    }

    /** Whether anything was put where a value's gradient lies. */
    boolean isBegun(Value value) {
        return begun.contains(first(value));
    }

    /** Says that something is there now; whether there was before. */
    boolean begin(Value value) {
        return !begun.add(first(value));
    }

    private static Variants dense(Floats place, Value value, int rows) {
        return new Variants(place, (long) MicroBatch.padded(rows) * value.width(), value.width());
    }

    @Override
    public void close() {
        owned.close();
    }
}
