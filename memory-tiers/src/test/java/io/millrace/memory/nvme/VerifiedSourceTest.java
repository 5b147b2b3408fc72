package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.FileIo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Files whose checksums were kept elsewhere. */
final class VerifiedSourceTest extends BlockSourceContract {
    @Override
    protected Opened open(Path place, HostMemory host) throws IOException {
        FileIo io = ContractSources.io(place);
        OriginalReader reader = ContractSources.original(place, io, host);
        List<Expected> blocks = ContractSources.blocks(0);
        List<Integer> checksums = new ArrayList<>();
        for (Expected block : blocks) {
            checksums.add(VerifiedSource.checksum(List.of(MemorySegment.ofArray(block.bytes()))));
        }
        VerifiedSource source =
                new VerifiedSource(
                        reader,
                        checksums,
                        (block, bytes) ->
                                List.of(bytes.asSlice(0, ContractSources.SIZES.get(block))),
                        "a test's");
        return new Opened(
                source,
                blocks,
                () -> {
                    reader.close();
                    io.close();
                });
    }
}
