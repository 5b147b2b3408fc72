package io.millrace.executor;

import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Files that list elements, for tests. */
final class MaskLists {
    private MaskLists() {}

    /** Lists by their names, as int64. */
    static Path write(Path file, Map<String, long[]> lists) {
        List<SafetensorsWriter.Entry> entries =
                lists.entrySet().stream()
                        .map(list ->
                                new SafetensorsWriter.Entry(
                                        list.getKey(),
                                        DType.I64,
                                        List.of((long) list.getValue().length)))
                        .toList();
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, Map.of(), entries)) {
            lists.forEach((name, list) -> writer.write(name, MemorySegment.ofArray(list)));
            writer.commit();
        }
        return file;
    }
}
