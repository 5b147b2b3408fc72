package io.millrace.executor.place;

import io.millrace.executor.Golden;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockSourceContract;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A checkpoint whose tensors are stored otherwise than they are needed. */
final class ConvertingSourceTest extends BlockSourceContract {
    @Override
    protected Opened open(Path place, HostMemory host) {
        Checkpoint checkpoint = Checkpoint.open(Golden.path("llama"));
        ModelLayout layout = checkpoint.layout(DType.BF16);
        List<Expected> blocks = new ArrayList<>();
        for (BlockLayout block : layout.blocks()) {
            byte[] bytes = new byte[Math.toIntExact(block.sizeBytes())];
            checkpoint.readBlock(block, MemorySegment.ofArray(bytes), () -> {});
            boolean[] counts = new boolean[bytes.length];
            for (TensorSlot slot : block.tensors()) {
                int from = Math.toIntExact(slot.offsetBytes());
                Arrays.fill(counts, from, from + Math.toIntExact(slot.sizeBytes()), true);
            }
            blocks.add(new Expected(0, bytes, counts));
        }
        return new Opened(
                BlockOrigin.of(checkpoint, layout).converting().getFirst(), blocks, checkpoint);
    }
}
