package io.millrace.executor.companion;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.peft.AdapterPart;
import io.millrace.model.adapter.peft.LoraAdapter;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.SideSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** A LoRA that PEFT or a run saved, beside a model that is only read. */
public final class AdapterFactors implements CompanionSource, AutoCloseable {
    private final LoraAdapter adapter;
    private final Map<String, TensorInfo> factors = new HashMap<>();

    private AdapterFactors(LoraAdapter adapter) {
        this.adapter = adapter;
        for (AdapterPart part : adapter.parts()) {
            factors.put(part.first().name(), part.first());
            factors.put(part.second().name(), part.second());
        }
    }

    /**
     * Opens a folder beside its base.
     *
     * @param folder of the adapter
     * @param base folder of the model
     * @throws BadInputException when it is no whole LoRA of that base, or has factors beside
     *     something else than a product within a layer
     */
    public static AdapterFactors open(Path folder, Path base) {
        try (Checkpoint model = Checkpoint.open(base)) {
            LoraAdapter adapter = LoraAdapter.open(folder, model);
            try {
                requireProducts(folder, adapter, model.program());
                return new AdapterFactors(adapter);
            } catch (RuntimeException e) {
                adapter.close();
                throw e;
            }
        }
    }

    private static void requireProducts(Path folder, LoraAdapter adapter, ModelProgram program) {
        Set<String> products =
                program.ops()
                        .filter(Op.Linear.class::isInstance)
                        .flatMap(Op::products)
                        .map(LinearSpec::weight)
                        .collect(Collectors.toSet());
        for (AdapterPart part : adapter.parts()) {
            if (!products.contains(part.part().target().tensor())) {
                throw new BadInputException(
                        folder.toString(),
                        "has factors beside '"
                                + part.part().target().module()
                                + "', which is no product within a layer",
                        "make a model of both with millrace merge");
            }
        }
    }

    /** What stands beside which matrix. */
    public Map<String, SideSpec> sides() {
        return adapter.parts().stream()
                .collect(
                        Collectors.toMap(
                                part -> part.part().target().tensor(),
                                part ->
                                        new SideSpec(
                                                part.first().name(),
                                                part.second().name(),
                                                part.part().rank(),
                                                (float) part.scale())));
    }

    @Override
    public long read(BlockLayout companion, MemorySegment bytes) {
        for (TensorSlot slot : companion.tensors()) {
            float[] values = new float[Math.toIntExact(slot.elementCount())];
            adapter.read(factors.get(slot.name()), 0, values, 0, values.length);
            MemorySegment.copy(
                    values, 0, bytes, ValueLayout.JAVA_FLOAT, slot.offsetBytes(), values.length);
        }
        return 0;
    }

    @Override
    public void close() {
        adapter.close();
    }
}
