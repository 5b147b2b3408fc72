package io.millrace.bench;

import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.optim.mask.MaskFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** Lists of a thousandth of a model's elements, at random places, as SensZOQ has them. */
final class BenchLists {
    private static final int EVERY = 1000;
    private static final long SEED = 1;

    private BenchLists() {}

    /** Those of a model, made beside it unless they are there. */
    static Path of(Path model) {
        Path file = model.resolveSibling(model.getFileName() + "-lists.safetensors");
        if (!Files.exists(file)) {
            try (Checkpoint checkpoint = Checkpoint.open(model)) {
                Map<String, Long> elements =
                        checkpoint.layout().blocks().stream()
                                .flatMap(block -> block.tensors().stream())
                                .filter(slot -> slot.elementCount() >= EVERY)
                                .collect(
                                        Collectors.toMap(
                                                TensorSlot::name, TensorSlot::elementCount));
                write(file, elements);
            }
        }
        return file;
    }

    private static void write(Path file, Map<String, Long> elements) {
        List<SafetensorsWriter.Entry> entries =
                elements.entrySet().stream()
                        .map(tensor ->
                                new SafetensorsWriter.Entry(
                                        tensor.getKey() + MaskFile.SUFFIX,
                                        DType.I64,
                                        List.of(tensor.getValue() / EVERY)))
                        .toList();
        SplittableRandom random = new SplittableRandom(SEED);
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, Map.of(), entries)) {
            elements.forEach((name, count) -> {
                long[] list =
                        LongStream.range(0, count / EVERY)
                                .map(place -> place * EVERY + random.nextInt(EVERY))
                                .toArray();
                writer.write(name + MaskFile.SUFFIX, MemorySegment.ofArray(list));
            });
            writer.commit();
        }
    }
}
